"""When LangBot's own table was adopted: a mark in the store, and one in the table itself.

Rows that are newer than the store's mark were written by LangBot without the extension. The table's
mark tells an empty store that is new from one that has lost its state.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from ...backends import Change
from ...backends.memory import MemoryBackend
from ...state.codec import decode, encode
from ...state.policy import BOOKKEEPING_RUNNER
from ...state.scopes import ScopeKey
from ...store.store import StateStore
from .rows import Place, place_of

MARK_SCOPE = ScopeKey(
    "runner", (("runner_id", BOOKKEEPING_RUNNER), ("binding_identity", "adopted"))
)
MARK_KEY = "rows"
"""The key of the entry that is the mark in the store."""

MARK_PLACE: Place = (f"{BOOKKEEPING_RUNNER}:adopted", "at")
"""The keys of the row that is the mark in the table."""


class Mark(NamedTuple):
    """The mark in a store.

    Attributes:
        at: When the table was adopted, or exported to, in seconds since 1970.
        version: The version of its entry.
    """

    at: float
    version: int


async def mark_in_store(store: StateStore) -> Mark | None:
    """Return the mark of a store; None when it never adopted a table."""
    entry = await store.backend.get(MARK_SCOPE, MARK_KEY)
    return entry and Mark(decode(entry.value)["at"], entry.version)


def mark_change(rows: int, at: float, before: Mark | None) -> Change:
    """Return the write that marks a store.

    Args:
        rows: How many rows were adopted or exported.
        at: When, in seconds since 1970.
        before: The mark that is there.
    """
    value = encode({"rows": rows, "at": at})
    return Change(MARK_SCOPE, MARK_KEY, value, expect=before.version if before else 0)


def is_mark(row: Any) -> bool:
    """Return whether a row of the table is its mark."""
    return place_of(row) == MARK_PLACE


def mark_in_table(rows: Iterable[Any]) -> float | None:
    """Return when a store last adopted the table; None when none has."""
    return next((decode(row["value_json"].encode()) for row in rows if is_mark(row)), None)


async def mark_table(store: StateStore, engine: AsyncEngine, at: float) -> None:
    """Mark the table as adopted; not for a store that ends with the process."""
    from langbot.pkg.agent.runner.persistent_state_store import PersistentStateStore

    if not isinstance(store.backend, MemoryBackend):
        host = PersistentStateStore(engine)
        await host.state_set(*MARK_PLACE, at, BOOKKEEPING_RUNNER, "adopted", "runner")


async def unmark_table(engine: AsyncEngine) -> None:
    """Remove the mark from the table: its rows are the state again."""
    from langbot.pkg.agent.runner.persistent_state_store import PersistentStateStore

    await PersistentStateStore(engine).state_delete(*MARK_PLACE)
