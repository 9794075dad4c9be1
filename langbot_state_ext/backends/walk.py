"""The one walk over every scope that a filter matches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from .data import ALL_SCOPES, ScopeFilter, ScopePage, StoredScope

PAGE = 500
"""How many scopes are asked for at once."""


class Paged(Protocol):
    """A store that pages through its scopes, see `Backend.scopes`."""

    async def scopes(self, which: ScopeFilter, cursor: str | None, limit: int) -> ScopePage:
        """Return a page of the scopes that match."""


async def scope_pages(
    store: Paged, which: ScopeFilter = ALL_SCOPES, *, limit: int = PAGE
) -> AsyncIterator[list[StoredScope]]:
    """Yield every scope that matches, page by page.

    Args:
        store: An open backend.
        which: Which scopes. Default: all.
        limit: How many scopes a page has at the most, 1 and more. Default 500.

    Yields:
        The scopes of each page; at least one page, which may be empty.

    Raises:
        BackendError: The store failed.
    """
    cursor: str | None = None
    while True:
        page = await store.scopes(which, cursor, limit)
        yield page.scopes
        cursor = page.cursor
        if cursor is None:
            return


async def every_scope(store: Paged, which: ScopeFilter = ALL_SCOPES) -> AsyncIterator[StoredScope]:
    """Yield every scope that matches, one by one, see `scope_pages`."""
    async for page in scope_pages(store, which):
        for stored in page:
            yield stored
