"""LangBot's own `runner_state` table: taken over on attaching, and written back on leaving.

LangBot's identity columns say whose state a row is. A message subject there is the group or
private chat that its `conversation_id` names, since that is what it stands for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from ...backends import Change, Entry, ScopeFilter
from ...backends.walk import every_scope
from ...errors import CodecError, ConfigError, StateError, VersionConflict
from ...state.codec import decode
from ...state.policy import OWN_RUNNER
from ...state.scopes import Parts, ScopeKey, subject_identity
from ...store.store import StateStore
from . import marks

TABLE = "runner_state"
RESET_RUNNER = "__langbot_context_reset__"


_LOST = (
    "The store is empty, though LangBot's own state was taken over on {at:%Y-%m-%d %H:%M} UTC: it "
    "has lost what it kept, or state_ext.url names another one. State begins empty, since what "
    "LangBot kept before is older; put back a back-up, or copy the old store: langbot-state copy"
)


class Exported(NamedTuple):
    """What was written back.

    Attributes:
        written: How many entries LangBot's table has now.
        left_out: How many have no place there, since their scope was named by a Query.
        refused: How many could not be written; each has had its warning.
    """

    written: int
    left_out: int
    refused: int


async def adopt(store: StateStore, engine: AsyncEngine, logger: Any) -> int:
    """Take over LangBot's own state: all of it at first, later what LangBot alone has written.

    The first time the store must be empty. Of two values of one key the newer stays. An empty store
    over a table that was taken over before has lost what it kept, or is another one: what the table
    held then is older, and stays where it is.

    Args:
        store: An open store.
        engine: LangBot's database.
        logger: Gets one line with the count, and a warning for each row that is left behind, or of
            the loss.

    Returns:
        How many rows were taken over.

    Raises:
        BackendError: The store failed; nothing was taken over.
    """
    now = time.time()
    mark = await marks.in_store(store)
    if mark is None and (await store.backend.scopes(ScopeFilter(), None, 1)).scopes:
        return 0
    every = await _rows(engine)
    before = marks.in_table(every)
    since = mark.at if mark else before or 0.0
    rows = [row for row in every if _written_at(row) > since and not marks.is_mark(row)]
    if mark is None and before is not None:
        logger.warning(_LOST.format(at=datetime.fromtimestamp(before, UTC)))
    if mark is not None and not rows:
        if mark.at != before:
            await marks.mark_table(store, engine, mark.at)
        return 0
    changes = [
        change
        for change, written_at in _changes(store, rows, logger)
        if not await _is_newer(store, change, written_at)
    ]
    try:
        await store.backend.commit([marks.change(len(changes), now, mark), *changes])
    except VersionConflict:
        return 0
    await marks.mark_table(store, engine, now)
    if rows:
        logger.info(f"Took over {len(changes)} of {len(rows)} entries of LangBot's own state")
    return len(changes)


async def export(store: StateStore, engine: AsyncEngine, logger: Any) -> Exported:
    """Write the state back into LangBot's own table, so that LangBot alone goes on with it.

    What was taken over and deleted since is deleted there, too; what LangBot alone has written
    since stays. Running it again gives the same table. LangBot must not be running.

    Args:
        store: An open store.
        engine: LangBot's database.
        logger: Gets a warning for each entry that could not be written.

    Returns:
        What was written.

    Raises:
        ConfigError: The store has never taken over LangBot's state, so it may be the wrong one.
        BackendError: The store can't be read.
    """
    mark = await marks.in_store(store)
    if mark is None:
        raise ConfigError(
            "the state at state_ext.url was never LangBot's, so nothing is written back: is it "
            "the url that LangBot ran with?"
        )
    rows = {(row["scope_key"], row["state_key"]): _written_at(row) for row in await _rows(engine)}
    newer = {place: at for place, at in rows.items() if at > mark.at}
    done = Export(engine, newer, logger)
    async for stored in every_scope(store.backend):
        if stored.key.part("runner_id") != OWN_RUNNER:
            await done.write(stored.key, await store.backend.entries(stored.key))
    await _delete_others(store, engine, done.kept, mark.at)
    await marks.unmark_table(engine)
    await store.backend.commit([marks.change(done.written, time.time(), mark)])
    return Exported(done.written, done.left_out, done.refused)


class Export:
    """Writes entries into LangBot's table.

    Args:
        engine: LangBot's database.
        newer: When LangBot alone has written rows since they were taken over, by their keys.
        logger: Gets a warning for each entry that could not be written.

    Attributes:
        kept: The keys of the rows that must stay.
        written: See `Exported`.
        left_out: See `Exported`.
        refused: See `Exported`.
    """

    def __init__(
        self, engine: AsyncEngine, newer: Mapping[tuple[str, str], float], logger: Any
    ) -> None:
        from langbot.pkg.agent.runner.persistent_state_store import PersistentStateStore

        self._host = PersistentStateStore(engine)
        self._newer = newer
        self._logger = logger
        self.kept: set[tuple[str, str]] = set()
        self.written = self.left_out = self.refused = 0

    async def write(self, scope: ScopeKey, entries: Mapping[str, Entry]) -> None:
        """Write the entries of a scope."""
        if scope.part("binding_identity") is None:
            self.left_out += len(entries)
            return
        host_key = _host_key(scope)
        for key, entry in entries.items():
            self.kept.add((host_key, key))
            if self._newer.get((host_key, key), 0.0) > entry.updated_at:
                continue
            fault = await self._write(scope, host_key, key, entry)
            self.written += fault is None
            if fault is not None:
                self.refused += 1
                runner = scope.part("runner_id")
                self._logger.warning(
                    f"Not written: {scope.scope} key {key!r} of runner {runner}: {fault}"
                )

    async def _write(self, scope: ScopeKey, host_key: str, key: str, entry: Entry) -> str | None:
        try:
            value = decode(entry.value)
        except CodecError as error:
            return str(error)
        kept, fault = await self._host.state_set(host_key, key, value, *_columns(scope))
        return None if kept else str(fault)


COLUMNS = (
    *("id", "runner_id", "binding_identity", "scope", "scope_key", "state_key", "value_json"),
    *("bot_id", "workspace_id", "conversation_id", "thread_id"),
    *("actor_type", "actor_id", "subject_type", "subject_id"),
)


async def _rows(engine: AsyncEngine) -> Sequence[Any]:
    """Read LangBot's table, the oldest first."""
    columns = (*(sa.column(name) for name in COLUMNS), sa.column("updated_at", sa.DateTime()))
    table = sa.table(TABLE, *columns)
    every = sa.select(table).where(table.c.runner_id != RESET_RUNNER).order_by(table.c.updated_at)
    async with engine.connect() as connection:
        return (await connection.execute(every)).mappings().all()


def _written_at(row: Any) -> float:
    """Return when a row was written, in seconds since 1970; LangBot's times are UTC."""
    at: datetime | None = row["updated_at"]
    return 0.0 if at is None else at.replace(tzinfo=UTC).timestamp()


async def _is_newer(store: StateStore, change: Change, written_at: float) -> bool:
    held = await store.backend.get(change.scope, change.key)
    return held is not None and held.updated_at >= written_at


def _changes(store: StateStore, rows: Iterable[Any], logger: Any) -> list[tuple[Change, float]]:
    """Make the changes that take the rows over; the newest of rows that mean the same wins."""
    changes: dict[tuple[ScopeKey, str], tuple[Change, float]] = {}
    for row in rows:
        try:
            change = _change(store, row)
        except (StateError, ValueError) as error:
            place = f"{row['scope']} key {row['state_key']!r} of runner {row['runner_id']}"
            logger.warning(f"Left behind in LangBot's table: {place}: {error}")
            continue
        changes[change.scope, change.key] = (change, _written_at(row))
    return list(changes.values())


def _change(store: StateStore, row: Any) -> Change:
    identity = _identity(row)
    if identity is None:
        raise CodecError("the row does not say whose state it is")
    base: Parts = (
        ("runner_id", row["runner_id"]),
        ("binding_identity", row["binding_identity"]),
        ("bot_id", row["bot_id"]),
        ("workspace_id", row["workspace_id"]),
    )
    value = json.loads(row["value_json"] or "null")
    return store.change(ScopeKey(row["scope"], base + identity), row["state_key"], value)


def _identity(row: Any) -> Parts | None:
    scope = row["scope"]
    if scope == "runner":
        return ()
    if scope == "conversation" and row["conversation_id"]:
        return (("conversation_id", row["conversation_id"]), ("thread_id", row["thread_id"]))
    if scope == "actor" and row["actor_id"]:
        return (("actor_type", row["actor_type"] or "user"), ("actor_id", row["actor_id"]))
    if scope != "subject":
        return None
    kind, _, launcher = (row["conversation_id"] or "").partition("_")
    data = {"launcher_type": kind, "launcher_id": launcher} if kind in {"person", "group"} else {}
    named = subject_identity(row["subject_type"], row["subject_id"], data, row["conversation_id"])
    return (("subject_type", named[0]), ("subject_id", named[1])) if named else None


def _host_key(scope: ScopeKey) -> str:
    from langbot.pkg.agent.runner.state_scope import _scope_hash

    return str(_scope_hash(scope.scope, dict(scope.parts)))


def _columns(scope: ScopeKey) -> tuple[str | None, str | None, str, dict[str, str | None]]:
    parts = dict(scope.parts)
    return parts["runner_id"], parts["binding_identity"], scope.scope, parts


async def _delete_others(
    store: StateStore, engine: AsyncEngine, kept: set[tuple[str, str]], until: float
) -> None:
    """Delete the rows that were taken over and that the store has no more."""
    stale = [
        row["id"]
        for row in await _rows(engine)
        if (row["scope_key"], row["state_key"]) not in kept
        and _written_at(row) <= until
        and _can_be_taken_over(store, row)
    ]
    table = sa.table(TABLE, sa.column("id"))
    async with engine.begin() as connection:
        for start in range(0, len(stale), 500):
            chosen = stale[start : start + 500]
            await connection.execute(sa.delete(table).where(table.c.id.in_(chosen)))


def _can_be_taken_over(store: StateStore, row: Any) -> bool:
    try:
        _change(store, row)
    except (StateError, ValueError):
        return False
    return True
