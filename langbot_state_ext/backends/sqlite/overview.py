"""What a SQLite store holds, in figures: a few statements, each one pass over the entries.

No index is kept for it: an index on the time of the last write would cost every update.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..base import ScopeFilter
from ..overview import DAY_S, Day, Overview, Written
from .statements import LIVE, scope_key, where_of


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
    days = _days(db, counted, since, given)
    scopes, by_part = _by_part(db, where, parts, given)
    return Overview(
        scopes,
        sum(day.new + day.changed for day in days),
        sum(day.value_bytes for day in days),
        [day for day in days if day.day != _EARLIER],
        _newest(db, counted, (*given, newest)),
        by_part,
    )


_EARLIER = -1
"""Stands for every day before those that are wanted."""


def _days(db: sqlite3.Connection, counted: str, since: float, values: tuple[Any, ...]) -> list[Day]:
    rows = db.execute(
        f"""SELECT CASE WHEN e.updated_at >= ? THEN CAST(e.updated_at / {DAY_S} AS INTEGER)
                ELSE {_EARLIER} END AS day,
                sum(e.version = 1), sum(e.version > 1), sum(length(e.value))
            FROM entries e WHERE {counted} GROUP BY day ORDER BY day""",
        (since, *values),
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
    db: sqlite3.Connection, without: str, parts: Sequence[str], values: tuple[Any, ...]
) -> tuple[int, dict[str, dict[str, int]]]:
    """Count the scopes, and those of each value of each part, in one pass.

    Of several paths SQLite makes one array, and reads each identity once.
    """
    known = [part for part in parts if part.isidentifier()]
    paths = ", ".join(f"'$.{part}'" for part in [*known, "none", "none"])
    live = f"EXISTS (SELECT 1 FROM entries e WHERE e.scope_id = s.id AND {LIVE})"
    rows = db.execute(
        f"""SELECT count(*), json_extract(s.parts, {paths}) AS held FROM scopes s
            WHERE ({without}) IS NOT TRUE AND {live} GROUP BY held""",
        values,
    ).fetchall()
    found: dict[str, Counter[str]] = {part: Counter() for part in parts}
    for count, held in rows:
        for part, value in zip(known, json.loads(held), strict=False):
            found[part].update({value: count} if value else {})
    return sum(row[0] for row in rows), {part: dict(each) for part, each in found.items()}
