"""What a SQLite store holds, in figures: a few queries, each one pass over the entries."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..data import ScopeFilter
from ..overview import DAY_S, Day, Overview, Written
from ..packing import unpack_key
from .statements import SQL, condition

_EARLIER = -1
"""Stands for every day before those that are wanted."""


def overview(
    db: sqlite3.Connection,
    without: ScopeFilter,
    include: ScopeFilter,
    since: float,
    newest: int,
    parts: Sequence[str],
    now: float,
) -> Overview:
    """Count what the store holds, see `Backend.overview`."""
    hidden, values = _hidden(include, without)
    values |= {"now": now, "since": since, "newest": newest, "day_s": DAY_S, "earlier": _EARLIER}
    days = [Day(*row) for row in _rows(db, "overview_days", values, hidden=hidden)]
    scopes, by_part = _by_part(db, hidden, parts, values)
    return Overview(
        scopes,
        sum(day.new + day.changed for day in days),
        sum(day.value_bytes for day in days),
        [day for day in days if day.day != _EARLIER],
        [
            Written(unpack_key(*row[:2]), *row[2:7])
            for row in _rows(db, "overview_newest", values, hidden=hidden)
        ],
        by_part,
    )


def _hidden(include: ScopeFilter, without: ScopeFilter) -> tuple[str, dict[str, Any]]:
    """Return the condition on `scopes s` that a scope does not count, and its parameters."""
    included, values = condition(include)
    hidden, more = condition(without, "without_")
    return f"({hidden}) IS TRUE OR ({included}) IS NOT TRUE", values | more


def _by_part(
    db: sqlite3.Connection, hidden: str, parts: Sequence[str], values: Mapping[str, Any]
) -> tuple[int, dict[str, dict[str, int]]]:
    """Count the scopes, and those of each value of each part."""
    known = [part for part in parts if part.isidentifier()]
    paths = ", ".join(f"'$.{part}'" for part in [*known, "none", "none"])
    rows = _rows(db, "overview_parts", values, hidden=hidden, paths=paths)
    found: dict[str, Counter[str]] = {part: Counter() for part in parts}
    for count, held in rows:
        for part, value in zip(known, json.loads(held), strict=False):
            found[part].update({value: count} if value else {})
    return sum(row[0] for row in rows), {part: dict(each) for part, each in found.items()}


def _rows(
    db: sqlite3.Connection, name: str, values: Mapping[str, Any], **placeholders: str
) -> list[Any]:
    return db.execute(SQL[name].format(**placeholders), values).fetchall()
