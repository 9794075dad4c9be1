"""What a PostgreSQL store holds, in figures: a few statements, each one pass over the store."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, LiteralString

from psycopg import sql

from ..base import ScopeFilter
from ..overview import DAY_S, Day, Overview, Written
from ..urls import to_bytes, to_text, unpack_key
from . import statements

Rows = Callable[[LiteralString, dict[str, Any], sql.Composable], Awaitable[list[tuple[Any, ...]]]]
"""Runs a statement with its values and its condition on `s`."""


async def overview(
    rows: Rows, without: ScopeFilter, *, since: float, newest: int, parts: Sequence[str]
) -> Overview:
    """Count what there is, see `Backend.overview`."""
    hidden, values = statements.where(without)
    values |= {"since": since, "day_s": DAY_S, "earlier": statements.EARLIER, "newest": newest}
    values["heads"] = [_head(part) for part in parts]
    days = [
        Day(int(day), new, changed, int(size))
        for day, new, changed, size in await rows(statements.DAYS, values, hidden)
    ]
    by_part: dict[str, dict[str, int]] = {part: {} for part in parts}
    for tag, count in await rows(statements.TAGS, values, hidden):
        part, value = json.loads(to_text(tag))
        by_part[part] |= {value: count} if value else {}
    return Overview(
        (await rows(statements.COUNT, values, hidden))[0][0],
        sum(day.new + day.changed for day in days),
        sum(day.value_bytes for day in days),
        [day for day in days if day.day != statements.EARLIER],
        [_written(*row) for row in await rows(statements.NEWEST, values, hidden)],
        by_part,
    )


def _head(part: str) -> bytes:
    """Return how the tags of a part begin."""
    return to_bytes(json.dumps([part, ""], ensure_ascii=False)[:-2])


def _written(
    scope: str, parts: bytes, key: bytes, size: int, version: int, at: float, run_id: bytes | None
) -> Written:
    run = None if run_id is None else to_text(run_id)
    return Written(unpack_key(scope, parts), to_text(key), size, version, at, run)
