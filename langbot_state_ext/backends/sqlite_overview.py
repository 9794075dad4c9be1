"""What a SQLite store holds, in figures: a few statements, each one pass over the entries.

No index is kept for it: an index on the time of the last write would cost every update.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from .base import ScopeFilter
from .overview import DAY_S, Day, Overview, Written
from .sqlite_sql import LIVE, scope_key, where_of


def overview(
    db: sqlite3.Connection,
    without: ScopeFilter,
    since: float,
    newest: int,
    parts: Sequence[str],
    now: float,
) -> Overview:
    """Count what there is, see `Backend.overview`."""
    where, values = where_of(without)
    counted = f"e.scope_id NOT IN (SELECT s.id FROM scopes s WHERE {where}) AND {LIVE}"
    given = (*values, now)
    entries, value_bytes = db.execute(
        f"SELECT count(*), coalesce(sum(length(e.value)), 0) FROM entries e WHERE {counted}", given
    ).fetchone()
    live = f"NOT ({where}) AND EXISTS (SELECT 1 FROM entries e WHERE e.scope_id = s.id AND {LIVE})"
    scopes = db.execute(f"SELECT count(*) FROM scopes s WHERE {live}", given).fetchone()[0]
    return Overview(
        scopes,
        entries,
        value_bytes,
        _days(db, counted, (*given, since)),
        _newest(db, counted, (*given, newest)),
        {part: _by_part(db, live, part, given) for part in parts},
    )


def _days(db: sqlite3.Connection, counted: str, values: tuple[Any, ...]) -> list[Day]:
    rows = db.execute(
        f"""SELECT CAST(e.updated_at / {DAY_S} AS INTEGER) AS day, sum(e.version = 1),
                sum(e.version > 1), sum(length(e.value))
            FROM entries e WHERE {counted} AND e.updated_at >= ? GROUP BY day ORDER BY day""",
        values,
    )
    return [Day(*row) for row in rows]


def _newest(db: sqlite3.Connection, counted: str, values: tuple[Any, ...]) -> list[Written]:
    rows = db.execute(
        f"""SELECT s.scope, s.parts, n.* FROM (
                SELECT e.key, length(e.value), e.version, e.updated_at, e.run_id, e.scope_id
                FROM entries e WHERE {counted} ORDER BY e.updated_at DESC LIMIT ?
            ) n JOIN scopes s ON s.id = n.scope_id ORDER BY n.updated_at DESC""",
        values,
    )
    return [Written(scope_key(*row[:2]), *row[2:7]) for row in rows]


def _by_part(
    db: sqlite3.Connection, live: str, part: str, values: tuple[Any, ...]
) -> dict[str, int]:
    name = f"json_extract(s.parts, '$.{part}')" if part.isidentifier() else "NULL"
    rows = db.execute(
        f"SELECT {name} AS name, count(*) FROM scopes s WHERE {live} GROUP BY name", values
    )
    return {name: count for name, count in rows if name}
