"""What a PostgreSQL store holds, in figures: a few queries, each one pass over the store."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from psycopg import sql

from ..data import ScopeFilter
from ..overview import DAY_S, Day, Overview, Written
from ..packing import to_bytes, to_text, unpack_key
from .statements import condition

Query = Callable[[str, dict[str, Any], sql.Composable], Awaitable[list[tuple[Any, ...]]]]
"""Runs a query of `queries.sql`: its name, its parameters, the condition on `scopes s`."""

_EARLIER = -1
"""Stands for every day before those that are wanted."""


async def overview(
    query: Query,
    include: ScopeFilter,
    without: ScopeFilter,
    *,
    since: float,
    newest: int,
    parts: Sequence[str],
) -> Overview:
    """Count what the store holds, see `Backend.overview`."""
    hidden, values = _hidden(include, without)
    values |= {"since": since, "day_s": DAY_S, "earlier": _EARLIER, "newest": newest}
    values["heads"] = [_head(part) for part in parts]
    days = [
        Day(int(day), new, changed, int(size))
        for day, new, changed, size in await query("overview_days", values, hidden)
    ]
    by_part: dict[str, dict[str, int]] = {part: {} for part in parts}
    for tag, count in await query("overview_parts", values, hidden):
        part, value = json.loads(to_text(tag))
        by_part[part] |= {value: count} if value else {}
    return Overview(
        (await query("overview_scopes", values, hidden))[0][0],
        sum(day.new + day.changed for day in days),
        sum(day.value_bytes for day in days),
        [day for day in days if day.day != _EARLIER],
        [_written(*row) for row in await query("overview_newest", values, hidden)],
        by_part,
    )


def _hidden(include: ScopeFilter, without: ScopeFilter) -> tuple[sql.Composable, dict[str, Any]]:
    """Return the condition on `scopes s` that a scope does not count, and its parameters."""
    included, values = condition(include)
    hidden, more = condition(without, "without_")
    either = sql.SQL("({}) IS TRUE OR ({}) IS NOT TRUE").format(hidden, included)
    return either, values | more


def _head(part: str) -> bytes:
    """Return the beginning of the tags of a part."""
    return to_bytes(json.dumps([part, ""], ensure_ascii=False)[:-2])


def _written(
    scope: str, parts: bytes, key: bytes, size: int, version: int, at: float, run_id: bytes | None
) -> Written:
    run = None if run_id is None else to_text(run_id)
    return Written(unpack_key(scope, parts), to_text(key), size, version, at, run)
