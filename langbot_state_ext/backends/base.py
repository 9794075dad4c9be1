"""The interface of a backend: entries of bytes, by scope and key.

A backend knows nothing of JSON, policies or runs. `langbot_state_ext.testing.BackendContract` tests
everything that is promised here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar, Self

from ..state.scopes import ScopeKey
from .data import ALL_SCOPES, Change, Entry, ScopeFilter, ScopePage
from .overview import Overview, Written, tally
from .walk import every_scope


class EntryStore(ABC):
    """The entries of scopes that the caller names: all that a run needs.

    Each call takes one round trip, or tens of microseconds. All methods may raise `BackendError`;
    after `BackendUnavailable` the same call may succeed later.

    An expired entry is not there, whether or not its bytes are still on disk.

    Attributes:
        networked: Whether calls wait for a network, and so belong to the event loop in which the
            backend was opened. Default False: calls work without an event loop, too.
    """

    networked: ClassVar[bool] = False

    @abstractmethod
    async def open(self) -> None:
        """Open the store and bring its schema up to date. Calling it again does nothing.

        Raises:
            MigrationError: The store is not ours, is damaged, or has a newer schema.
        """

    @abstractmethod
    async def load(self, keys: Sequence[ScopeKey]) -> list[dict[str, bytes]]:
        """Read the values of whole scopes in one round trip.

        Args:
            keys: The scopes; none, one or several, without order or number meaning anything.

        Returns:
            For each of `keys` its encoded values by state key; empty for a scope without any.
        """

    @abstractmethod
    async def get(self, scope: ScopeKey, key: str) -> Entry | None:
        """Read one entry; None when it is not there."""

    @abstractmethod
    async def entries(self, scope: ScopeKey) -> dict[str, Entry]:
        """Read a whole scope, with versions and times.

        Returns:
            The entries by state key, in the order of its code points.
        """

    @abstractmethod
    async def commit(self, changes: Sequence[Change]) -> None:
        """Write all of `changes`, in order, or none.

        Raises:
            VersionConflict: A change expected another version; nothing was written.
        """

    @abstractmethod
    async def list(self, scope: ScopeKey, prefix: str, limit: int) -> list[str]:
        """Name the keys of a scope.

        Args:
            scope: Whose state.
            prefix: How the keys begin, literally; empty for every key.
            limit: How many at the most, 1 and more.

        Returns:
            The keys in the order of their code points.
        """

    @abstractmethod
    async def close(self) -> None:
        """Release everything. Calling it again does nothing."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()


class Backend(EntryStore):
    """A whole store: its entries, and what people's tools ask across all scopes.

    These calls may take as long as the store is large, and never stall the event loop.
    """

    @abstractmethod
    async def scopes(self, which: ScopeFilter, cursor: str | None, limit: int) -> ScopePage:
        """Page through the scopes that have state.

        Args:
            which: Which of them.
            cursor: None for the first page, then the `cursor` of the page before.
            limit: How many at the most, 1 and more.

        Returns:
            A page. A scope that lives throughout the paging is on exactly one of the pages.
        """

    async def overview(
        self,
        without: ScopeFilter,
        *,
        since: float,
        newest: int,
        parts: Sequence[str],
        include: ScopeFilter = ALL_SCOPES,
    ) -> Overview:
        """Count what the store holds.

        The default reads every entry; a backend whose database can count overrides it.

        Args:
            without: The scopes that don't count.
            since: From which time on `Overview.days` counts, in seconds since 1970.
            newest: How many of the latest entries to return, 0 and more.
            parts: The parts of the identity whose values are counted.
            include: The scopes that count, except `without`. Default: all.

        Returns:
            The figures.
        """
        contents = self._contents(include)
        return await tally(contents, without, since=since, newest=newest, parts=parts)

    @abstractmethod
    async def clear(self, which: ScopeFilter) -> int:
        """Delete every entry of the scopes that match.

        Returns:
            How many entries were deleted.
        """

    async def _contents(
        self, which: ScopeFilter
    ) -> AsyncIterator[tuple[ScopeKey, Sequence[Written]]]:
        """Yield every scope that matches with its entries, without their values."""
        async for stored in every_scope(self, which):
            held = await self.entries(stored.key)
            yield (
                stored.key,
                [
                    Written(stored.key, key, len(e.value), e.version, e.updated_at, e.run_id)
                    for key, e in held.items()
                ],
            )
