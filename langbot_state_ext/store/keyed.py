"""`KeyedStore`: read and write values by `ScopeKey`, over any backend, within the limits."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterable, Mapping
from typing import Any, Self

from ..backends import ANY_VERSION, Backend, Change, ScopeFilter
from ..errors import CodecError, CorruptValue
from ..state.codec import DEFAULT_LIMITS, Limits, check_key, decode, decode_all, encode
from ..state.policy import canonical_key
from ..state.scopes import VALID_STATE_SCOPES, ScopeKey
from .undo import drop_records

LOGGER = logging.getLogger("langbot_state_ext")

Snapshot = dict[str, dict[str, Any]]
"""State by scope and key; always has the four scopes."""


class KeyedStore:
    """State by scope and key, asynchronous.

    Args:
        backend: Where it is kept; closed with the store.
        limits: The limits on keys and values.
    """

    def __init__(self, backend: Backend, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self.backend = backend
        self._limits = limits

    def __await__(self) -> Generator[Any, None, Self]:
        yield from self.backend.open().__await__()
        return self

    async def __aenter__(self) -> Self:
        return await self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the backend. Calling it again does nothing."""
        await self.backend.close()

    async def snapshot(self, keys: Iterable[ScopeKey | None]) -> Snapshot:
        """Read whole scopes in one round trip.

        Args:
            keys: At most one per scope; None is passed over.

        Returns:
            State by scope and key, always the four scopes. An entry whose bytes are not a value
            is left out, with a warning that names its scope and key.

        Raises:
            BackendError: The store failed.
        """
        wanted = [key for key in keys if key is not None]
        snapshot: Snapshot = {scope: {} for scope in VALID_STATE_SCOPES}
        for key, values in zip(wanted, await self.backend.load(wanted), strict=True):
            try:
                snapshot[key.scope] = decode_all(values)
            except CodecError:
                snapshot[key.scope] = _readable(key, values)
        return snapshot

    async def apply(
        self,
        scope: ScopeKey,
        key: str,
        value: Any,
        *,
        expect: int = ANY_VERSION,
        run_id: str | None = None,
        ttl_s: float | None = None,
    ) -> None:
        """Write one value.

        Args:
            scope: Whose state.
            key: The state key, 1 to 255 characters.
            value: A JSON value.
            expect: The version that must be stored, 0 for "not there". Default: any.
            run_id: The run that writes.
            ttl_s: After how many seconds it ends. Default: never.

        Raises:
            InvalidKey: The key is outside the limits.
            CodecError: The value is not JSON, or outside the limits.
            VersionConflict: Another version is stored.
            BackendError: The store failed; nothing was written.
        """
        change = self.change(scope, key, value, expect=expect, run_id=run_id, ttl_s=ttl_s)
        await self.backend.commit([change])

    def change(
        self,
        scope: ScopeKey,
        key: str,
        value: Any,
        *,
        expect: int = ANY_VERSION,
        run_id: str | None = None,
        ttl_s: float | None = None,
    ) -> Change:
        """Check and encode one write without making it, see `apply`."""
        return Change(
            scope,
            check_key(canonical_key(key), self._limits),
            encode(value, self._limits),
            expect,
            run_id,
            None if ttl_s is None else time.time() + ttl_s,
        )

    async def get(self, scope: ScopeKey, key: str, default: Any = None) -> Any:
        """Read one value.

        Returns:
            The value; `default` when there is none.

        Raises:
            InvalidKey: The key is outside the limits.
            CorruptValue: The stored bytes are not a value.
            BackendError: The store failed.
        """
        key = check_key(canonical_key(key), self._limits)
        entry = await self.backend.get(scope, key)
        if entry is None:
            return default
        try:
            return decode(entry.value)
        except CodecError:
            raise CorruptValue(scope.scope, key) from None

    async def delete(self, scope: ScopeKey, key: str, *, run_id: str | None = None) -> bool:
        """Delete one value.

        Returns:
            True when it was there.

        Raises:
            InvalidKey: The key is outside the limits.
            BackendError: The store failed; nothing was deleted.
        """
        key = check_key(canonical_key(key), self._limits)
        if await self.backend.get(scope, key) is None:
            return False
        await self.backend.commit([Change(scope, key, None, run_id=run_id)])
        return True

    async def list(
        self, scope: ScopeKey, prefix: str = "", limit: int = 100
    ) -> tuple[list[str], bool]:
        """Name the keys of a scope.

        Args:
            scope: Whose state.
            prefix: How they begin, literally. Default: every key.
            limit: How many at the most, 1 and more. Default 100.

        Returns:
            The keys in the order of their code points, and whether there are more.

        Raises:
            ValueError: The limit is less than 1.
            InvalidKey: No key can begin so.
            BackendError: The store failed.
        """
        if limit < 1:
            raise ValueError(f"limit={limit}: list at least one key")
        if prefix:
            check_key(prefix, self._limits)
        found = await self.backend.list(scope, canonical_key(prefix), limit + 1)
        return found[:limit], len(found) > limit

    async def clear(self, which: ScopeFilter) -> int:
        """Delete every entry of the scopes that match; returns how many there were.

        A run under way that fails later brings nothing of them back.
        """
        await drop_records(self.backend, which)
        count = await self.backend.clear(which)
        await drop_records(self.backend, which)
        return count


def _readable(scope: ScopeKey, values: Mapping[str, bytes]) -> dict[str, Any]:
    """Decode what can be decoded, and report the rest."""
    readable = {}
    for key, data in values.items():
        try:
            readable[key] = decode(data)
        except CodecError:
            LOGGER.warning("%s: left out of the snapshot", CorruptValue(scope.scope, key))
    return readable
