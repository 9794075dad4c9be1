"""LangBot's own `runner_state` table: taken over on the first attach, and written back on leaving.

LangBot's identity columns say whose state a row is. A message subject there is the group or
private chat that its `conversation_id` names, since that is what it stands for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from ..backends import Change, ScopeFilter
from ..codec import decode
from ..errors import CodecError, StateError, VersionConflict
from ..policy import OWN_RUNNER
from ..scopes import Parts, ScopeKey, subject_identity
from ..store import StateStore

TABLE = "runner_state"
RESET_RUNNER = "__langbot_context_reset__"
MARKER = ScopeKey("runner", (("runner_id", OWN_RUNNER), ("binding_identity", "adopted")))
"""The scope whose entry `rows` says that the table has been taken over."""


async def adopt(store: StateStore, engine: AsyncEngine, logger: Any) -> int:
    """Take over LangBot's own state, once, into a store that is empty.

    Args:
        store: An open store.
        engine: LangBot's database.
        logger: Gets one line with the count, and a warning for each row that is left behind.

    Returns:
        How many rows were taken over.

    Raises:
        BackendError: The store failed; nothing was taken over.
    """
    if (await store.backend.scopes(ScopeFilter(), None, 1)).scopes:
        return 0
    async with engine.connect() as connection:
        rows = (await connection.execute(_select())).mappings().all()
    changes = _changes(store, rows, logger)
    marker = Change(MARKER, "rows", str(len(changes)).encode(), expect=0)
    try:
        await store.backend.commit([marker, *changes])
    except VersionConflict:
        return 0
    if rows:
        logger.info(f"Took over {len(changes)} of {len(rows)} entries of LangBot's own state")
    return len(changes)


async def export(store: StateStore, engine: AsyncEngine) -> tuple[int, int]:
    """Write the state back into LangBot's own table, so that LangBot alone goes on with it.

    What was deleted since the table was taken over is deleted there, too. Running it again gives
    the same table. LangBot must not be running.

    Args:
        store: An open store.
        engine: LangBot's database.

    Returns:
        How many entries were written, and how many were left out since their scope was named by a
        Query, for which LangBot's table has no place.

    Raises:
        BackendError: The store can't be read.
    """
    from langbot.pkg.agent.runner.persistent_state_store import PersistentStateStore

    host = PersistentStateStore(engine)
    written: set[tuple[str, str]] = set()
    left_out = 0
    async for scope in _scopes(store):
        values = (await store.backend.load([scope]))[0]
        if scope.part("binding_identity") is None:
            left_out += len(values)
            continue
        host_key = _host_key(scope)
        for key, data in values.items():
            await host.state_set(host_key, key, decode(data), *_columns(scope))
            written.add((host_key, key))
    await _delete_others(store, engine, written)
    return len(written), left_out


COLUMNS = (
    *("id", "runner_id", "binding_identity", "scope", "scope_key", "state_key", "value_json"),
    *("bot_id", "workspace_id", "conversation_id", "thread_id"),
    *("actor_type", "actor_id", "subject_type", "subject_id", "updated_at"),
)


def _select() -> sa.Select[Any]:
    table = sa.table(TABLE, *(sa.column(name) for name in COLUMNS))
    return sa.select(table).where(table.c.runner_id != RESET_RUNNER).order_by(table.c.updated_at)


def _changes(store: StateStore, rows: Iterable[Any], logger: Any) -> list[Change]:
    """Make the changes that take the rows over; the newest of rows that mean the same wins."""
    changes: dict[tuple[ScopeKey, str], Change] = {}
    for row in rows:
        try:
            change = _change(store, row)
        except (StateError, ValueError) as error:
            place = f"{row['scope']} key {row['state_key']!r} of runner {row['runner_id']}"
            logger.warning(f"Left behind in LangBot's table: {place}: {error}")
            continue
        changes[change.scope, change.key] = change
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


async def _scopes(store: StateStore) -> Any:
    cursor = None
    while True:
        page = await store.backend.scopes(ScopeFilter(), cursor, 500)
        for scope in page.scopes:
            if scope.key.part("runner_id") != OWN_RUNNER:
                yield scope.key
        cursor = page.cursor
        if cursor is None:
            return


def _host_key(scope: ScopeKey) -> str:
    from langbot.pkg.agent.runner.state_scope import _scope_hash

    return str(_scope_hash(scope.scope, dict(scope.parts)))


def _columns(scope: ScopeKey) -> tuple[str | None, str | None, str, dict[str, str | None]]:
    parts = dict(scope.parts)
    return parts["runner_id"], parts["binding_identity"], scope.scope, parts


async def _delete_others(
    store: StateStore, engine: AsyncEngine, written: set[tuple[str, str]]
) -> None:
    """Delete the rows that the store no longer has; one that was never taken over stays."""
    async with engine.begin() as connection:
        rows = (await connection.execute(_select())).mappings().all()
        stale = []
        for row in rows:
            try:
                _change(store, row)
            except (StateError, ValueError):
                continue
            if (row["scope_key"], row["state_key"]) not in written:
                stale.append(row["id"])
        table = sa.table(TABLE, sa.column("id"))
        for start in range(0, len(stale), 500):
            chosen = stale[start : start + 500]
            await connection.execute(sa.delete(table).where(table.c.id.in_(chosen)))
