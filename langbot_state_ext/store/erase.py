"""Everything that belongs to somebody: found, and erased, but for the extension's bookkeeping."""

from __future__ import annotations

from collections.abc import Sequence

from ..backends import Backend, ScopeFilter, StoredScope
from ..state.policy import is_bookkeeping
from .store import StateStore

PAGE = 200


async def stored_scopes(backend: Backend, filters: Sequence[ScopeFilter]) -> list[StoredScope]:
    """Return every scope that matches one of the filters."""
    found: list[StoredScope] = []
    for which in filters:
        cursor: str | None = None
        while True:
            page = await backend.scopes(which, cursor, PAGE)
            found += [stored for stored in page.scopes if not is_bookkeeping(stored.key)]
            cursor = page.cursor
            if cursor is None:
                break
    return found


async def erase(store: StateStore, filters: Sequence[ScopeFilter]) -> int:
    """Delete every entry of the scopes that match one of the filters.

    Returns:
        How many entries there were.

    Raises:
        BackendError: The store failed; doing it again erases the rest.
    """
    scopes = await stored_scopes(store.backend, filters)
    return sum([await store.clear(ScopeFilter(key=stored.key)) for stored in scopes])
