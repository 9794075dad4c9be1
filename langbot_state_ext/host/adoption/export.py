"""Exporting: the state goes back into LangBot's own table, so that LangBot can run alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from ...backends import Entry
from ...backends.walk import every_scope
from ...errors import CodecError, ConfigError
from ...state.codec import decode
from ...state.policy import is_bookkeeping
from ...state.scopes import ScopeKey
from ...store.store import StateStore
from .marks import mark_change, mark_in_store, unmark_table
from .rows import Place, change_of, delete_rows, place_of, read_rows, scope_key_of, written_at


class Exported(NamedTuple):
    """The result of an export.

    Attributes:
        written: How many entries LangBot's table has now.
        left_out: How many have no place there, because a Query named their scope.
        refused: How many could not be written; each has had its warning.
    """

    written: int
    left_out: int
    refused: int


async def export(store: StateStore, engine: AsyncEngine, logger: Any) -> Exported:
    """Write the state back into LangBot's own table, so that LangBot can run alone.

    Rows that were adopted and deleted since are deleted there, too. Rows that LangBot wrote by
    itself since stay. A second export gives the same table. LangBot must not be running.

    Args:
        store: An open store.
        engine: LangBot's database.
        logger: Gets a warning for each entry that could not be written.

    Returns:
        What was written.

    Raises:
        ConfigError: The store never adopted LangBot's state, so it may be the wrong one.
        BackendError: The store can't be read.
    """
    mark = await mark_in_store(store)
    if mark is None:
        raise ConfigError(
            "the store at state_ext.url never adopted LangBot's state, so nothing was written "
            "back: check that it is the url that LangBot runs with"
        )
    rows = {place_of(row): written_at(row) for row in await read_rows(engine)}
    newer = {place: at for place, at in rows.items() if at > mark.at}
    done = Export(engine, newer, logger)
    async for stored in every_scope(store.backend):
        if not is_bookkeeping(stored.key):
            await done.write(stored.key, await store.backend.entries(stored.key))
    await _delete_others(store, engine, done.places, mark.at)
    await unmark_table(engine)
    await store.backend.commit([mark_change(done.written, time.time(), mark)])
    return Exported(done.written, done.left_out, done.refused)


class Export:
    """Writes entries into LangBot's table.

    Args:
        engine: LangBot's database.
        newer: The rows that LangBot wrote by itself since the table was adopted, and when.
        logger: Gets a warning for each entry that could not be written.

    Attributes:
        places: The rows of the entries, which must not be deleted.
        written: See `Exported`.
        left_out: See `Exported`.
        refused: See `Exported`.
    """

    def __init__(self, engine: AsyncEngine, newer: Mapping[Place, float], logger: Any) -> None:
        from langbot.pkg.agent.runner.persistent_state_store import PersistentStateStore

        self._host = PersistentStateStore(engine)
        self._newer = newer
        self._logger = logger
        self.places: set[Place] = set()
        self.written = self.left_out = self.refused = 0

    async def write(self, scope: ScopeKey, entries: Mapping[str, Entry]) -> None:
        """Write the entries of a scope."""
        if scope.part("binding_identity") is None:
            self.left_out += len(entries)
            return
        scope_key = scope_key_of(scope)
        for key, entry in entries.items():
            self.places.add((scope_key, key))
            if self._newer.get((scope_key, key), 0.0) <= entry.updated_at:
                self._count(scope, key, await self._write(scope, (scope_key, key), entry))

    async def _write(self, scope: ScopeKey, place: Place, entry: Entry) -> str | None:
        """Write an entry; returns what is wrong with it, None when it was written."""
        try:
            value = decode(entry.value)
        except CodecError as error:
            return str(error)
        parts = dict(scope.parts)
        identity = (parts["runner_id"], parts["binding_identity"], scope.scope, parts)
        kept, fault = await self._host.state_set(*place, value, *identity)
        return None if kept else str(fault)

    def _count(self, scope: ScopeKey, key: str, fault: str | None) -> None:
        if fault is None:
            self.written += 1
            return
        self.refused += 1
        place = f"{scope.scope} key {key!r} of runner {scope.part('runner_id')}"
        self._logger.warning(f"Not written: {place}: {fault}")


async def _delete_others(
    store: StateStore, engine: AsyncEngine, places: set[Place], until: float
) -> None:
    """Delete the rows that were adopted and that the store no longer has."""
    stale = [
        row["id"]
        for row in await read_rows(engine)
        if place_of(row) not in places and written_at(row) <= until and _is_adoptable(store, row)
    ]
    await delete_rows(engine, stale)


def _is_adoptable(store: StateStore, row: Any) -> bool:
    try:
        change_of(row, store.limits)
    except ValueError:
        return False
    return True
