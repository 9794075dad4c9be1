"""What a whole store holds, in figures, for the operator."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..state.scopes import ScopeKey
from .data import ScopeFilter

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
    without: ScopeFilter,
    *,
    since: float,
    newest: int,
    parts: Sequence[str],
) -> Overview:
    """Add up what the scopes hold.

    Args:
        contents: The scopes with their entries.
        without: See `Backend.overview`.
        since: See `Backend.overview`.
        newest: See `Backend.overview`.
        parts: See `Backend.overview`.

    Returns:
        The figures.
    """
    total = _Tally(since, newest, parts)
    async for scope, entries in contents:
        if entries and not without.matches(scope):
            total.add(scope, entries)
    return total.overview()


class _Tally:
    """The figures of the scopes so far."""

    def __init__(self, since: float, newest: int, parts: Sequence[str]) -> None:
        self._since = since
        self._wanted = newest
        self._scopes = self._entries = self._value_bytes = 0
        self._days: dict[int, Day] = {}
        self._newest: list[tuple[float, int, Written]] = []
        self._by_part: dict[str, Counter[str]] = {part: Counter() for part in parts}

    def add(self, scope: ScopeKey, entries: Sequence[Written]) -> None:
        self._scopes += 1
        for part, counts in self._by_part.items():
            counts.update(filter(None, [scope.part(part)]))
        for entry in entries:
            self._entries += 1
            self._value_bytes += entry.value_bytes
            self._add_to_day(entry)
            self._add_to_newest(entry)

    def overview(self) -> Overview:
        return Overview(
            self._scopes,
            self._entries,
            self._value_bytes,
            [self._days[day] for day in sorted(self._days)],
            [entry for _at, _nth, entry in sorted(self._newest, reverse=True)],
            {part: dict(counts) for part, counts in self._by_part.items()},
        )

    def _add_to_day(self, entry: Written) -> None:
        if entry.updated_at < self._since:
            return
        day = int(entry.updated_at // DAY_S)
        new = entry.version == 1
        before = self._days.get(day, Day(day, 0, 0, 0))
        self._days[day] = Day(
            day,
            before.new + new,
            before.changed + (not new),
            before.value_bytes + entry.value_bytes,
        )

    def _add_to_newest(self, entry: Written) -> None:
        if len(self._newest) < self._wanted:
            heapq.heappush(self._newest, (entry.updated_at, -self._entries, entry))
        elif self._newest and entry.updated_at > self._newest[0][0]:
            heapq.heapreplace(self._newest, (entry.updated_at, -self._entries, entry))
