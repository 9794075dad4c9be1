"""When LangBot's own table was taken over: a mark in the store, and one in the table itself.

The store's mark says since when the table's rows are LangBot's alone. The table's mark tells an
empty store that is new from one that has lost what it kept: the rows are older than that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from ...backends import Change
from ...backends.memory import MemoryBackend
from ...state.policy import BOOKKEEPING_RUNNER
from ...state.scopes import ScopeKey
from ...store.store import StateStore

MARKER = ScopeKey("runner", (("runner_id", BOOKKEEPING_RUNNER), ("binding_identity", "adopted")))
"""The scope whose entry `rows` is the mark in the store."""

PLACE = (f"{BOOKKEEPING_RUNNER}:adopted", "at")
"""The keys of the row that is the mark in the table."""


class Mark(NamedTuple):
    """The mark in a store.

    Attributes:
        at: When the table was taken over, or written back, in seconds since 1970.
        version: The version of its entry.
    """

    at: float
    version: int


async def in_store(store: StateStore) -> Mark | None:
    """Return the mark of a store; None when it never took over a table."""
    entry = await store.backend.get(MARKER, "rows")
    if entry is None:
        return None
    found = json.loads(entry.value)
    at = found["at"] if isinstance(found, dict) else entry.updated_at  # 0.1.0 wrote the count alone
    return Mark(at, entry.version)


def change(rows: int, at: float, before: Mark | None) -> Change:
    """Return the write that marks a store.

    Args:
        rows: How many rows were taken over or written back.
        at: When, in seconds since 1970.
        before: The mark that is there.
    """
    value = json.dumps({"rows": rows, "at": at}).encode()
    return Change(MARKER, "rows", value, expect=before.version if before else 0)


def is_mark(row: Any) -> bool:
    """Return whether a row of the table is its mark."""
    return (row["scope_key"], row["state_key"]) == PLACE


def in_table(rows: Iterable[Any]) -> float | None:
    """Return when a store has last taken over the table; None when none has."""
    return next((json.loads(row["value_json"]) for row in rows if is_mark(row)), None)


async def mark_table(store: StateStore, engine: AsyncEngine, at: float) -> None:
    """Mark the table as taken over; not for a store that is gone with the process."""
    from langbot.pkg.agent.runner.persistent_state_store import PersistentStateStore

    if not isinstance(store.backend, MemoryBackend):
        await PersistentStateStore(engine).state_set(
            *PLACE, at, BOOKKEEPING_RUNNER, "adopted", "runner"
        )


async def unmark_table(engine: AsyncEngine) -> None:
    """Take the mark away: what the table holds is the state."""
    from langbot.pkg.agent.runner.persistent_state_store import PersistentStateStore

    await PersistentStateStore(engine).state_delete(*PLACE)
