"""Adopting: LangBot's own state goes into the store when the extension attaches."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from ...backends import Change, ScopeFilter
from ...errors import VersionConflict
from ...state.scopes import ScopeKey
from ...store.store import StateStore
from .marks import is_mark, mark_change, mark_in_store, mark_in_table, mark_table
from .rows import change_of, read_rows, written_at

_LOST = (
    "The store is empty, but LangBot's own state was adopted on {at:%Y-%m-%d %H:%M} UTC: the "
    "store lost its state, or state_ext.url names another one. State starts empty, because what "
    "LangBot had before is older. Restore a back-up, or copy the old store: langbot-state copy"
)


async def adopt(store: StateStore, engine: AsyncEngine, logger: Any) -> int:
    """Adopt LangBot's own state: all of it at first, later what LangBot wrote by itself.

    The first time the store must be empty. Of two values of one key the newer wins. An empty store
    beside a table that was adopted before has lost its state, or is another one: it gets only the
    rows that were written since.

    Args:
        store: An open store.
        engine: LangBot's database.
        logger: Gets one line with the count, and a warning for each row that is left behind, or of
            the lost state.

    Returns:
        How many rows were adopted.

    Raises:
        BackendError: The store failed; nothing was adopted.
    """
    now = time.time()
    mark = await mark_in_store(store)
    if mark is None and (await store.backend.scopes(ScopeFilter(), None, 1)).scopes:
        return 0
    every = await read_rows(engine)
    before = mark_in_table(every)
    since = mark.at if mark else before or 0.0
    rows = [row for row in every if written_at(row) > since and not is_mark(row)]
    if mark is None and before is not None:
        logger.warning(_LOST.format(at=datetime.fromtimestamp(before, UTC)))
    if mark is not None and not rows:
        if mark.at != before:
            await mark_table(store, engine, mark.at)
        return 0
    changes = await _newer_than_store(store, _changes(store, rows, logger))
    try:
        await store.backend.commit([mark_change(len(changes), now, mark), *changes])
    except VersionConflict:  # another LangBot adopts the table
        return 0
    await mark_table(store, engine, now)
    if rows:
        logger.info(f"Adopted {len(changes)} of {len(rows)} entries of LangBot's own state")
    return len(changes)


def _changes(store: StateStore, rows: Iterable[Any], logger: Any) -> list[tuple[Change, float]]:
    """Return the write of each row and its time; of rows with one key, the newest wins."""
    changes: dict[tuple[ScopeKey, str], tuple[Change, float]] = {}
    for row in rows:
        try:
            change = change_of(row, store.limits)
        except ValueError as error:
            place = f"{row['scope']} key {row['state_key']!r} of runner {row['runner_id']}"
            logger.warning(f"Not adopted from LangBot's table: {place}: {error}")
            continue
        changes[change.scope, change.key] = (change, written_at(row))
    return list(changes.values())


async def _newer_than_store(
    store: StateStore, changes: Iterable[tuple[Change, float]]
) -> list[Change]:
    newer = []
    for change, at in changes:
        entry = await store.backend.get(change.scope, change.key)
        if entry is None or entry.updated_at < at:
            newer.append(change)
    return newer
