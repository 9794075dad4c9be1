"""Everything that belongs to somebody: found, and erased, but for the extension's bookkeeping."""

from __future__ import annotations

from collections.abc import Sequence

from ..backends import Backend, ScopeFilter, StoredScope
from ..backends.walk import every_scope
from ..plugin.owners import is_own
from .store import StateStore


async def stored_scopes(backend: Backend, filters: Sequence[ScopeFilter]) -> list[StoredScope]:
    """Return every scope that matches one of the filters."""
    return [
        stored
        for which in filters
        async for stored in every_scope(backend, which)
        if not is_own(stored.key)
    ]


async def erase(store: StateStore, filters: Sequence[ScopeFilter]) -> int:
    """Delete every entry of the scopes that match one of the filters.

    Returns:
        How many entries there were.

    Raises:
        BackendError: The store failed; doing it again erases the rest.
    """
    scopes = await stored_scopes(store.backend, filters)
    return sum([await store.clear(ScopeFilter(key=stored.key)) for stored in scopes])
