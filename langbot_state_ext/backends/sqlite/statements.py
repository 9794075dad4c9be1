"""The queries of the SQLite backend, as functions over a connection in autocommit mode."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from ...errors import VersionConflict
from ...state.scopes import ScopeKey
from ..data import ANY_VERSION, Change, Entry, ScopeFilter, ScopePage, StoredScope
from ..packing import pack_parts, unpack_key
from ..resources import read_queries

SQL = read_queries(__package__)
"""The queries of `queries.sql`, by name."""

HAS_TEXT = (
    "EXISTS (SELECT 1 FROM json_each(s.parts) p WHERE instr(lower(p.value), lower(:{prefix}text)))"
)

GET, UPDATE = SQL["get"], SQL["update"]


def load(db: sqlite3.Connection, keys: Sequence[ScopeKey], now: float) -> list[dict[str, bytes]]:
    """Read the values of several scopes with one query."""
    found: dict[str, dict[str, bytes]] = {key.storage: {} for key in keys}
    if found:
        for scope, key, value in db.execute(_load(len(found)), (*found, now)):
            found[scope][key] = value
    return [found[key.storage] for key in keys]


@cache
def _load(count: int) -> str:
    return SQL["load"].format(scopes=", ".join("?" * count))


def get(db: sqlite3.Connection, scope: ScopeKey, key: str, now: float) -> Entry | None:
    """Read one entry."""
    row = db.execute(GET, (scope.storage, key, now)).fetchone()
    return Entry(*row) if row else None


def entries(db: sqlite3.Connection, scope: ScopeKey, now: float) -> dict[str, Entry]:
    """Read a whole scope."""
    rows = db.execute(SQL["entries"], (scope.storage, now))
    return {row[0]: Entry(*row[1:]) for row in rows}


def commit(db: sqlite3.Connection, changes: Sequence[Change], now: float) -> None:
    """Write all changes or none; a single update is one statement, which is its own transaction."""
    if len(changes) == 1 and changes[0].expect == ANY_VERSION and _update(db, changes[0], now):
        return
    with _transaction(db):
        for change in changes:
            _apply(db, change, now)


def _apply(db: sqlite3.Connection, change: Change, now: float) -> None:
    scope = change.scope
    if change.expect != ANY_VERSION:
        held = get(db, scope, change.key, now)
        actual = held.version if held else 0
        if actual != change.expect:
            raise VersionConflict(scope.scope, change.key, change.expect, actual)
    if change.value is None:
        db.execute(SQL["delete"], (scope.storage, change.key))
        db.execute(SQL["delete_empty_scope"], (scope.storage,))
    elif not _update(db, change, now):
        db.execute(SQL["add_scope"], (scope.storage, scope.scope, pack_parts(scope)))
        row = (change.key, change.value, now, change.run_id, change.expires_at, scope.storage)
        db.execute(SQL["insert"], row)


def _update(db: sqlite3.Connection, change: Change, now: float) -> bool:
    """Update an entry; return False when there is none, or the change is a deletion."""
    if change.value is None:
        return False
    row = (change.value, now, now, change.run_id, change.expires_at)
    return db.execute(UPDATE, (*row, change.scope.storage, change.key)).rowcount > 0


def list_keys(
    db: sqlite3.Connection, scope: ScopeKey, prefix: str, limit: int, now: float
) -> list[str]:
    """Name the keys that begin with a literal prefix."""
    values = (scope.storage, prefix, len(prefix), prefix, now, limit)
    return [row[0] for row in db.execute(SQL["list_keys"], values)]


def scopes(
    db: sqlite3.Connection, which: ScopeFilter, cursor: str | None, limit: int, now: float
) -> ScopePage:
    """Page through the scopes that match and have an entry."""
    where, values = condition(which)
    values |= {"cursor": cursor or "", "limit": limit + 1, "now": now}
    rows = db.execute(SQL["scopes"].format(where=where), values).fetchall()
    page = [StoredScope(unpack_key(*row[:2]), *row[2:5]) for row in rows[:limit]]
    return ScopePage(page, rows[limit - 1][5] if len(rows) > limit else None)


def clear(db: sqlite3.Connection, which: ScopeFilter, now: float) -> int:
    """Delete the matching scopes with all of their entries."""
    where, values = condition(which)
    with _transaction(db):
        count = SQL["count_matching"].format(where=where)
        cleared = int(db.execute(count, values | {"now": now}).fetchone()[0])
        for name in ("delete_matching", "delete_matching_scopes"):
            db.execute(SQL[name].format(where=where), values)
    return cleared


def purge_expired(db: sqlite3.Connection, now: float) -> None:
    """Delete expired entries from the file."""
    with _transaction(db):
        scopes = db.execute(SQL["expired_scopes"], {"now": now}).fetchall()
        db.execute(SQL["delete_expired"], {"now": now})
        db.executemany(SQL["delete_empty_scope"], scopes)


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def condition(which: ScopeFilter, prefix: str = "") -> tuple[str, dict[str, Any]]:
    """Return a filter as a condition on `scopes s`, and its parameters, each with a prefix."""
    conditions, values = ["TRUE"], dict[str, Any]()
    if which.key is not None:
        conditions.append(f"s.key = :{prefix}key")
        values[f"{prefix}key"] = which.key.storage
    if which.scope is not None:
        conditions.append(f"s.scope = :{prefix}scope")
        values[f"{prefix}scope"] = which.scope
    for name, value in which.parts.items():
        if not name.isidentifier():
            return "FALSE", {}
        conditions.append(f"json_extract(s.parts, '$.{name}') = :{prefix}part_{name}")
        values[f"{prefix}part_{name}"] = value
    if which.text is not None:
        # The first condition is fast, and few identities pass it.
        conditions.append(f"instr(lower(s.parts), lower(:{prefix}json_text))")
        values[f"{prefix}json_text"] = json.dumps(which.text, ensure_ascii=False)[1:-1]
        conditions.append(HAS_TEXT.format(prefix=prefix))
        values[f"{prefix}text"] = which.text
    return " AND ".join(conditions), values
