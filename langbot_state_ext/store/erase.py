"""Erase every scope that matches some filters, except the extension's bookkeeping.

`plugin.owners.filters_for` makes the filters of a person, a group or a conversation.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..backends import Backend, ScopeFilter, StoredScope
from ..backends.pace import Pace
from ..backends.walk import scope_pages
from ..state.policy import is_bookkeeping
from .store import StateStore


async def matching_scopes(backend: Backend, filters: Sequence[ScopeFilter]) -> list[StoredScope]:
    """Return every scope that matches one of the filters; lets the event loop run between pages."""
    found: list[StoredScope] = []
    pace = Pace()
    for which in filters:
        async for page in scope_pages(backend, which):
            found += [stored for stored in page if not is_bookkeeping(stored.key)]
            await pace.step()
    return found


async def erase(store: StateStore, filters: Sequence[ScopeFilter]) -> int:
    """Delete every entry of the scopes that match one of the filters.

    Returns:
        How many entries there were.

    Raises:
        BackendError: The store failed; a retry erases the rest.
    """
    scopes = await matching_scopes(store.backend, filters)
    return sum([await store.clear(ScopeFilter(key=stored.key)) for stored in scopes])
