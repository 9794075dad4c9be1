"""What every backend keeps and can do: entries of bytes, by scope and key.

A backend knows nothing of JSON, policies or runs. Its whole contract is tested by
`langbot_state_ext.testing.BackendContract`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Self

from ..state.scopes import Scope, ScopeKey
from .overview import Overview, survey

ANY_VERSION = -1
"""`Change.expect` of a write that does not care what is there."""


class Entry(NamedTuple):
    """One stored value.

    Attributes:
        value: The encoded value.
        version: 1 for a new entry, one more with each write.
        updated_at: When it was last written, in seconds since 1970.
        run_id: The run that wrote it; None when it was not a run.
        expires_at: When it ends, in seconds since 1970; None for never.
    """

    value: bytes
    version: int
    updated_at: float
    run_id: str | None = None
    expires_at: float | None = None


class Change(NamedTuple):
    """One write.

    Attributes:
        scope: Whose state.
        key: The state key.
        value: The encoded value; None deletes the entry.
        expect: The version that must be stored: 0 for "not there", -1 (default) for any.
        run_id: The run that writes.
        expires_at: When the entry ends, in seconds since 1970; None for never.
    """

    scope: ScopeKey
    key: str
    value: bytes | None
    expect: int = ANY_VERSION
    run_id: str | None = None
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class ScopeFilter:
    """Which scopes; every condition that is given must hold.

    Attributes:
        key: Exactly this one.
        scope: The scope.
        parts: Parts of the identity, by name, each exactly this text.
        text: Text that occurs in one of the identity's parts, in any ASCII case.
    """

    key: ScopeKey | None = None
    scope: Scope | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None

    def matches(self, key: ScopeKey) -> bool:
        """Return whether a scope is one of those that are meant."""
        if self.key is not None and key != self.key:
            return False
        if self.scope is not None and key.scope != self.scope:
            return False
        parts = dict(key.parts)
        if any(parts.get(name) != value for name, value in self.parts.items()):
            return False
        if self.text is None:
            return True
        wanted = _ascii_lower(self.text)
        return any(wanted in _ascii_lower(value) for value in parts.values() if value is not None)


@dataclass(frozen=True, slots=True)
class StoredScope:
    """One scope that has state.

    Attributes:
        key: Whose state it is.
        entries: How many entries it has, 1 and more.
        value_bytes: The size of its values together.
        updated_at: When the latest was written, in seconds since 1970.
    """

    key: ScopeKey
    entries: int
    value_bytes: int
    updated_at: float


@dataclass(frozen=True, slots=True)
class ScopePage:
    """A page of scopes, in the order of their storage form.

    Attributes:
        scopes: At most as many as were asked for.
        cursor: Where the next page begins; None after the last one.
    """

    scopes: list[StoredScope]
    cursor: str | None


class Backend(ABC):
    """Keeps entries. All methods may raise `BackendError`; `BackendUnavailable` is worth a retry.

    An expired entry is not there: for no method, whether or not its bytes are still on disk.

    Attributes:
        networked: Whether calls wait for a network, and so belong to the event loop in which the
            backend was opened. Default False: calls end without one.
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
        """Read a whole scope with versions and times, for people and tools.

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
        self, without: ScopeFilter, *, since: float, newest: int, parts: Sequence[str]
    ) -> Overview:
        """Say what the store holds, in figures.

        This one looks at every entry, so that any backend has it; a backend that can ask its
        database overrides it.

        Args:
            without: The scopes that don't count.
            since: From which time on `Overview.days` counts, in seconds since 1970.
            newest: How many of the latest entries to name, 0 and more.
            parts: The parts of the identity whose values are counted.

        Returns:
            The figures.
        """
        return await survey(self, ScopeFilter(), without, since=since, newest=newest, parts=parts)

    @abstractmethod
    async def clear(self, which: ScopeFilter) -> int:
        """Delete every entry of the scopes that match.

        Returns:
            How many entries were deleted.
        """

    @abstractmethod
    async def close(self) -> None:
        """Release everything. Calling it again does nothing."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()


def _ascii_lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)
