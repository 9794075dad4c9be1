"""Writes that depend on what is stored: read, decide, commit, and again after a conflict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from ..errors import VersionConflict
from .base import EntryStore
from .data import Change

T = TypeVar("T")


async def commit_current(
    store: EntryStore, prepare: Callable[[], Awaitable[tuple[Sequence[Change], T]]]
) -> T:
    """Commit changes that are made from the current entries.

    Another writer may change an entry between the reading and the commit. Then nothing is written,
    and `prepare` runs again. Each conflict means that another commit went through, so that
    writers never block each other.

    Args:
        store: An open backend.
        prepare: Reads entries, and returns the changes, each with the version it has read as
            `Change.expect`, and a result for the caller. It must have no side effects.

    Returns:
        The result of the `prepare` whose changes were committed.

    Raises:
        BackendError: The store failed; nothing was written.
    """
    while True:
        changes, result = await prepare()
        try:
            await store.commit(changes)
        except VersionConflict:
            continue
        return result
