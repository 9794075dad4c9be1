"""What a whole store holds, in figures, for the operator."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import AsyncIterator, Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..state.scopes import ScopeKey

DAY_S = 86_400
"""Seconds of a day; days are those of UTC."""


class Written(NamedTuple):
    """One entry, without its value.

    Attributes:
        scope: Whose state.
        key: The state key.
        value_bytes: The size of the value.
        version: 1 for a new entry, one more with each write.
        updated_at: When it was last written, in seconds since 1970.
        run_id: The run that wrote it; None when it was not a run.
    """

    scope: ScopeKey
    key: str
    value_bytes: int
    version: int
    updated_at: float
    run_id: str | None


class Day(NamedTuple):
    """The entries whose latest write was on one day.

    Attributes:
        day: The day, counted from 1970 in UTC.
        new: How many of them are at version 1.
        changed: How many are at a later version.
        value_bytes: The size of their values together.
    """

    day: int
    new: int
    changed: int
    value_bytes: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What a store holds.

    Attributes:
        scopes: How many scopes have state.
        entries: How many entries there are.
        value_bytes: The size of all values together.
        days: One for each day that has entries, the earliest first.
        newest: The entries that were written last, the latest first.
        by_part: How many scopes have each value of a part of the identity, by part and value.
    """

    scopes: int = 0
    entries: int = 0
    value_bytes: int = 0
    days: list[Day] = field(default_factory=list)
    newest: list[Written] = field(default_factory=list)
    by_part: dict[str, dict[str, int]] = field(default_factory=dict)


async def tally(
    contents: AsyncIterator[tuple[ScopeKey, Sequence[Written]]],
    hidden: Container[ScopeKey],
    *,
    since: float,
    newest: int,
    parts: Sequence[str],
) -> Overview:
    """Add up what the scopes hold.

    Args:
        contents: Every scope with its entries.
        hidden: The scopes that don't count.
        since: See `Backend.overview`.
        newest: See `Backend.overview`.
        parts: See `Backend.overview`.

    Returns:
        The figures.
    """
    written: list[Written] = []
    by_part: dict[str, Counter[str]] = {part: Counter() for part in parts}
    scopes = 0
    async for scope, entries in contents:
        if scope in hidden or not entries:
            continue
        scopes += 1
        written += entries
        for part in parts:
            by_part[part].update(filter(None, [scope.part(part)]))
    return Overview(
        scopes,
        len(written),
        sum(entry.value_bytes for entry in written),
        _days(entry for entry in written if entry.updated_at >= since),
        heapq.nlargest(newest, written, key=lambda entry: entry.updated_at),
        {part: dict(counts) for part, counts in by_part.items()},
    )


def _days(written: Iterable[Written]) -> list[Day]:
    found: dict[int, Day] = {}
    for entry in written:
        day = int(entry.updated_at // DAY_S)
        new = entry.version == 1
        before = found.get(day, Day(day, 0, 0, 0))
        found[day] = Day(
            day,
            before.new + new,
            before.changed + (not new),
            before.value_bytes + entry.value_bytes,
        )
    return [found[day] for day in sorted(found)]
