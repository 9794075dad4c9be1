"""`memory://`: state for the life of the process, for tests and trials."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import AsyncIterator, Callable, Sequence

from ..errors import VersionConflict
from ..state.scopes import ScopeKey
from .base import Backend
from .data import ANY_VERSION, Change, Entry, ScopeFilter, ScopePage, StoredScope
from .overview import Written
from .pace import LOOP_SHARE, Pace

LOOKED_AT = 500
"""How many scopes a page looks at, so that no call takes more than a few milliseconds."""


class MemoryBackend(Backend):
    """Keeps entries in dictionaries. No method but `overview` ever suspends.

    Args:
        clock: Seconds since 1970. Default `time.time`.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._state: dict[ScopeKey, dict[str, Entry]] = {}
        self._keys: dict[str, ScopeKey] = {}
        self._order: list[str] = []

    async def open(self) -> None:
        """Do nothing: there is nothing to open."""

    async def load(self, keys: Sequence[ScopeKey]) -> list[dict[str, bytes]]:
        """Read the values of whole scopes, see `Backend.load`."""
        return [{k: entry.value for k, entry in self._live(key).items()} for key in keys]

    async def get(self, scope: ScopeKey, key: str) -> Entry | None:
        """Read one entry, see `Backend.get`."""
        return self._live(scope).get(key)

    async def entries(self, scope: ScopeKey) -> dict[str, Entry]:
        """Read a whole scope, see `Backend.entries`."""
        return dict(sorted(self._live(scope).items()))

    async def commit(self, changes: Sequence[Change]) -> None:
        """Write all or none, see `Backend.commit`."""
        now = self._clock()
        pending: dict[tuple[ScopeKey, str], Entry | None] = {}
        for change in changes:
            place = (change.scope, change.key)
            held = pending[place] if place in pending else self._live(change.scope).get(change.key)
            before = held.version if held else 0
            if change.expect not in (ANY_VERSION, before):
                raise VersionConflict(change.scope.scope, change.key, change.expect, before)
            pending[place] = None if change.value is None else _entry(change, before + 1, now)
        for (scope, key), entry in pending.items():
            self._put(scope, key, entry)

    async def list(self, scope: ScopeKey, prefix: str, limit: int) -> list[str]:
        """Name the keys of a scope, see `Backend.list`."""
        return sorted(key for key in self._live(scope) if key.startswith(prefix))[:limit]

    async def scopes(self, which: ScopeFilter, cursor: str | None, limit: int) -> ScopePage:
        """Page through the scopes, see `Backend.scopes`."""
        start = 0 if cursor is None else bisect_right(self._order, cursor)
        page: list[StoredScope] = []
        for storage in self._order[start : start + LOOKED_AT]:
            key = self._keys[storage]
            entries = self._live(key) if which.matches(key) else {}
            if entries and len(page) == limit:
                return ScopePage(page, page[-1].key.storage)
            if entries:
                page.append(_summary(key, entries))
        end = start + LOOKED_AT
        return ScopePage(page, self._order[end - 1] if end < len(self._order) else None)

    async def clear(self, which: ScopeFilter) -> int:
        """Delete every entry of the matching scopes, see `Backend.clear`."""
        found = self._matching(which)
        count = sum(len(self._live(scope)) for scope in found)
        for scope in found:
            del self._state[scope]
            del self._keys[scope.storage]
        self._order = [storage for storage in self._order if storage in self._keys]
        return count

    async def close(self) -> None:
        """Do nothing: what is kept stays readable until the object is gone."""

    def _live(self, scope: ScopeKey) -> dict[str, Entry]:
        held = self._state.get(scope, {})
        now = self._clock()
        return {k: e for k, e in held.items() if e.expires_at is None or e.expires_at > now}

    def _put(self, scope: ScopeKey, key: str, entry: Entry | None) -> None:
        if entry is not None:
            if scope not in self._state:
                self._add(scope)
            self._state[scope][key] = entry
        elif scope in self._state:
            self._state[scope].pop(key, None)
            if not self._state[scope]:
                self._remove(scope)

    def _add(self, scope: ScopeKey) -> None:
        self._state[scope] = {}
        self._keys[scope.storage] = scope
        insort(self._order, scope.storage)

    def _remove(self, scope: ScopeKey) -> None:
        del self._state[scope]
        del self._keys[scope.storage]
        del self._order[bisect_left(self._order, scope.storage)]

    async def _contents(
        self, which: ScopeFilter
    ) -> AsyncIterator[tuple[ScopeKey, Sequence[Written]]]:
        """Yield the scopes that match, with pauses: all of this runs in the event loop."""
        pace = Pace(LOOP_SHARE)
        async for scope, entries in super()._contents(which):
            yield scope, entries
            await pace.step()

    def _matching(self, which: ScopeFilter) -> Sequence[ScopeKey]:
        return [scope for scope in self._state if which.matches(scope) and self._live(scope)]


def _entry(change: Change, version: int, now: float) -> Entry:
    assert change.value is not None  # noqa: S101 - the caller has just asked
    return Entry(change.value, version, now, change.run_id, change.expires_at)


def _summary(key: ScopeKey, entries: dict[str, Entry]) -> StoredScope:
    sizes = [len(entry.value) for entry in entries.values()]
    return StoredScope(
        key, len(entries), sum(sizes), max(entry.updated_at for entry in entries.values())
    )
