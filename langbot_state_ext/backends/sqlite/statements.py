"""The statements of the SQLite backend, as functions over a connection in autocommit mode."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

from ...errors import VersionConflict
from ...state.scopes import Scope, ScopeKey
from ..base import ANY_VERSION, Change, Entry, ScopeFilter, ScopePage, StoredScope

LIVE = "(e.expires_at IS NULL OR e.expires_at > ?)"

_GET = f"""SELECT e.value, e.version, e.updated_at, e.run_id, e.expires_at
    FROM scopes s JOIN entries e ON e.scope_id = s.id
    WHERE s.key = ? AND e.key = ? AND {LIVE}"""

_ENTRIES = f"""SELECT e.key, e.value, e.version, e.updated_at, e.run_id, e.expires_at
    FROM scopes s JOIN entries e ON e.scope_id = s.id
    WHERE s.key = ? AND {LIVE} ORDER BY e.key"""

_UPDATE = """UPDATE entries SET
        value = ?,
        version = CASE WHEN expires_at <= ? THEN 1 ELSE version + 1 END,
        updated_at = ?, run_id = ?, expires_at = ?
    WHERE scope_id = (SELECT id FROM scopes WHERE key = ?) AND key = ?"""

_INSERT = """INSERT INTO entries (scope_id, key, value, version, updated_at, run_id, expires_at)
    SELECT id, ?, ?, 1, ?, ?, ? FROM scopes WHERE key = ?"""

_ADD_SCOPE = "INSERT OR IGNORE INTO scopes (key, scope, parts) VALUES (?, ?, ?)"

_DELETE = "DELETE FROM entries WHERE scope_id = (SELECT id FROM scopes WHERE key = ?) AND key = ?"

_DROP_EMPTY = """DELETE FROM scopes WHERE key = ?
    AND NOT EXISTS (SELECT 1 FROM entries WHERE scope_id = scopes.id)"""

_LIST = f"""SELECT e.key FROM scopes s JOIN entries e ON e.scope_id = s.id
    WHERE s.key = ? AND e.key >= ? AND substr(e.key, 1, ?) = ? AND {LIVE}
    ORDER BY e.key LIMIT ?"""


def load(db: sqlite3.Connection, keys: Sequence[ScopeKey], now: float) -> list[dict[str, bytes]]:
    """Read the values of several scopes with one statement."""
    found: dict[str, dict[str, bytes]] = {key.storage: {} for key in keys}
    if found:
        for scope, key, value in db.execute(_load(len(found)), (*found, now)):
            found[scope][key] = value
    return [found[key.storage] for key in keys]


@cache
def _load(count: int) -> str:
    marks = ", ".join("?" * count)
    return f"""SELECT s.key, e.key, e.value FROM scopes s JOIN entries e ON e.scope_id = s.id
        WHERE s.key IN ({marks}) AND {LIVE}"""


def get(db: sqlite3.Connection, scope: ScopeKey, key: str, now: float) -> Entry | None:
    """Read one entry."""
    row = db.execute(_GET, (scope.storage, key, now)).fetchone()
    return Entry(*row) if row else None


def entries(db: sqlite3.Connection, scope: ScopeKey, now: float) -> dict[str, Entry]:
    """Read a whole scope."""
    return {row[0]: Entry(*row[1:]) for row in db.execute(_ENTRIES, (scope.storage, now))}


def commit(db: sqlite3.Connection, changes: Sequence[Change], now: float) -> None:
    """Write all changes or none; a plain write over an entry is one statement, its own commit."""
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
        db.execute(_DELETE, (scope.storage, change.key))
        db.execute(_DROP_EMPTY, (scope.storage,))
    elif not _update(db, change, now):
        parts = json.dumps(dict(scope.parts), ensure_ascii=False)
        db.execute(_ADD_SCOPE, (scope.storage, scope.scope, parts))
        row = (change.key, change.value, now, change.run_id, change.expires_at, scope.storage)
        db.execute(_INSERT, row)


def _update(db: sqlite3.Connection, change: Change, now: float) -> bool:
    """Write over an entry; False when there is none, or the change is a deletion."""
    if change.value is None:
        return False
    row = (change.value, now, now, change.run_id, change.expires_at)
    return db.execute(_UPDATE, (*row, change.scope.storage, change.key)).rowcount > 0


def list_keys(
    db: sqlite3.Connection, scope: ScopeKey, prefix: str, limit: int, now: float
) -> list[str]:
    """Name the keys that begin with a literal prefix."""
    values = (scope.storage, prefix, len(prefix), prefix, now, limit)
    return [row[0] for row in db.execute(_LIST, values)]


def scopes(
    db: sqlite3.Connection, which: ScopeFilter, cursor: str | None, limit: int, now: float
) -> ScopePage:
    """Page through the scopes that match and have a live entry."""
    where, values = where_of(which)
    live = f"EXISTS (SELECT 1 FROM entries e WHERE e.scope_id = s.id AND {LIVE})"
    rows = db.execute(
        f"""SELECT c.scope, c.parts, count(*), sum(length(e.value)), max(e.updated_at), c.key
            FROM (SELECT s.* FROM scopes s WHERE s.key > ? AND {where} AND {live}
                ORDER BY s.key LIMIT ?) c
            JOIN entries e ON e.scope_id = c.id WHERE {LIVE} GROUP BY c.key ORDER BY c.key""",
        (cursor or "", *values, now, limit + 1, now),
    ).fetchall()
    page = [StoredScope(scope_key(row[0], row[1]), *row[2:5]) for row in rows[:limit]]
    return ScopePage(page, rows[limit - 1][5] if len(rows) > limit else None)


def clear(db: sqlite3.Connection, which: ScopeFilter, now: float) -> int:
    """Delete the matching scopes with all of their entries."""
    where, values = where_of(which)
    chosen = f"SELECT s.id FROM scopes s WHERE {where}"
    with _transaction(db):
        live = f"SELECT count(*) FROM entries e WHERE scope_id IN ({chosen}) AND {LIVE}"
        count = int(db.execute(live, (*values, now)).fetchone()[0])
        db.execute(f"DELETE FROM entries WHERE scope_id IN ({chosen})", values)
        db.execute(f"DELETE FROM scopes WHERE id IN ({chosen})", values)
    return count


def purge_expired(db: sqlite3.Connection, now: float) -> None:
    """Free the room of what has expired."""
    with _transaction(db):
        ended = "SELECT DISTINCT scope_id FROM entries WHERE expires_at <= ?"
        ids = [row[0] for row in db.execute(ended, (now,))]
        db.execute("DELETE FROM entries WHERE expires_at <= ?", (now,))
        db.executemany(
            """DELETE FROM scopes WHERE id = ?
               AND NOT EXISTS (SELECT 1 FROM entries WHERE scope_id = scopes.id)""",
            ((scope_id,) for scope_id in ids),
        )


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


def where_of(which: ScopeFilter) -> tuple[str, list[Any]]:
    """Return the condition on `scopes s` that a filter means, and its values."""
    conditions, values = ["1"], list[Any]()
    if which.key is not None:
        conditions.append("s.key = ?")
        values.append(which.key.storage)
    if which.scope is not None:
        conditions.append("s.scope = ?")
        values.append(which.scope)
    for name, value in which.parts.items():
        if not name.isidentifier():
            return "0", []
        conditions.append(f"json_extract(s.parts, '$.{name}') = ?")
        values.append(value)
    if which.text is not None:
        # The text of the whole identity is looked at first, since few of them have it.
        conditions.append("instr(lower(s.parts), lower(?))")
        values.append(json.dumps(which.text, ensure_ascii=False)[1:-1])
        conditions.append(
            "EXISTS (SELECT 1 FROM json_each(s.parts) p WHERE instr(lower(p.value), lower(?)))"
        )
        values.append(which.text)
    return " AND ".join(conditions), values


def scope_key(scope: str, parts: str) -> ScopeKey:
    """Return the key that a row of `scopes` stands for."""
    return ScopeKey(cast("Scope", scope), tuple(json.loads(parts).items()))
