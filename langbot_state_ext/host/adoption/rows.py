"""LangBot's own table `runner_state`: its rows, and whose state each row is.

A message subject means the group or private chat that the row's `conversation_id` names, as in the
keys of an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from ...backends import Change
from ...errors import ScopeError
from ...state.codec import Limits, decode
from ...state.scopes import EVENT_PARTS, ScopeKey, key_from_event, launcher_of
from ...store.updates import make_change

TABLE = "runner_state"

RESET_RUNNER = "__langbot_context_reset__"
"""The runner id of LangBot's own rows, which are no runner's state."""

IDENTITY_COLUMNS = tuple(dict.fromkeys(name for names in EVENT_PARTS.values() for name in names))
COLUMNS = ("id", "scope", "scope_key", "state_key", "value_json", *IDENTITY_COLUMNS)

DELETED_AT_ONCE = 500

Place = tuple[str, str]
"""The scope key and the state key of a row."""


async def read_rows(engine: AsyncEngine) -> Sequence[Any]:
    """Read the table, the oldest row first."""
    columns = (*(sa.column(name) for name in COLUMNS), sa.column("updated_at", sa.DateTime()))
    table = sa.table(TABLE, *columns)
    rows = sa.select(table).where(table.c.runner_id != RESET_RUNNER).order_by(table.c.updated_at)
    async with engine.connect() as connection:
        return (await connection.execute(rows)).mappings().all()


async def delete_rows(engine: AsyncEngine, ids: Sequence[int]) -> None:
    """Delete rows, all or none."""
    table = sa.table(TABLE, sa.column("id"))
    async with engine.begin() as connection:
        for start in range(0, len(ids), DELETED_AT_ONCE):
            chosen = ids[start : start + DELETED_AT_ONCE]
            await connection.execute(sa.delete(table).where(table.c.id.in_(chosen)))


def place_of(row: Any) -> Place:
    """Return the keys of a row, which no other row has."""
    return row["scope_key"], row["state_key"]


def written_at(row: Any) -> float:
    """Return when a row was written, in seconds since 1970; LangBot's times are UTC."""
    at: datetime | None = row["updated_at"]
    return 0.0 if at is None else at.replace(tzinfo=UTC).timestamp()


def change_of(row: Any, limits: Limits) -> Change:
    """Return the write that takes a row over.

    Raises:
        ScopeError: The row does not say whose state it is.
        InvalidKey: Its key is outside the limits.
        CodecError: Its value is not JSON, or outside the limits.
    """
    scope = key_of(row)
    if scope is None:
        raise ScopeError("the row does not say whose state it is")
    value = decode((row["value_json"] or "null").encode())
    return make_change(scope, row["state_key"], value, limits)


def key_of(row: Any) -> ScopeKey | None:
    """Return the key that the event of a row has; None when the row lacks an identity."""
    launcher_type, launcher_id = launcher_of(row["conversation_id"]) or (None, None)
    launcher = {"launcher_type": launcher_type, "launcher_id": launcher_id}
    who: Any = SimpleNamespace(**row, data=launcher)
    event: Any = SimpleNamespace(**row, actor=who, subject=who)
    binding: Any = SimpleNamespace(binding_id=row["binding_identity"], scope=None)
    descriptor: Any = SimpleNamespace(id=row["runner_id"])
    return key_from_event(row["scope"], event, binding, descriptor)


def scope_key_of(scope: ScopeKey) -> str:
    """Return LangBot's own key of a scope."""
    from langbot.pkg.agent.runner.state_scope import _scope_hash

    return str(_scope_hash(scope.scope, dict(scope.parts)))
