"""`memory://`: state for the life of the process, for tests and trials."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..errors import VersionConflict
from ..state.scopes import ScopeKey
from .base import Backend
from .data import ANY_VERSION, Change, Entry, ScopeFilter, ScopePage, StoredScope


class MemoryBackend(Backend):
    """Keeps entries in dictionaries. No method ever suspends.

    Args:
        clock: Seconds since 1970. Default `time.time`.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._state: dict[ScopeKey, dict[str, Entry]] = {}

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
        found = sorted(self._matching(which), key=lambda scope: scope.storage)
        rest = [scope for scope in found if cursor is None or scope.storage > cursor]
        page = [_summary(scope, self._live(scope)) for scope in rest[:limit]]
        return ScopePage(page, page[-1].key.storage if len(rest) > limit else None)

    async def clear(self, which: ScopeFilter) -> int:
        """Delete every entry of the matching scopes, see `Backend.clear`."""
        found = self._matching(which)
        count = sum(len(self._live(scope)) for scope in found)
        for scope in found:
            del self._state[scope]
        return count

    async def close(self) -> None:
        """Do nothing: what is kept stays readable until the object is gone."""

    def _live(self, scope: ScopeKey) -> dict[str, Entry]:
        held = self._state.get(scope, {})
        now = self._clock()
        return {k: e for k, e in held.items() if e.expires_at is None or e.expires_at > now}

    def _put(self, scope: ScopeKey, key: str, entry: Entry | None) -> None:
        if entry is not None:
            self._state.setdefault(scope, {})[key] = entry
        elif scope in self._state:
            self._state[scope].pop(key, None)
            if not self._state[scope]:
                del self._state[scope]

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
