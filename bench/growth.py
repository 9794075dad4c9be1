"""The same turn in a growing store: does its cost stay flat?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from rich.progress import Progress

from langbot_state_ext import ScopeKey, StateStore, key_from_event
from langbot_state_ext.store.updates import make_change

from .people import BINDING, DESCRIPTOR, event
from .turn import KEYS, UPDATES, value

BATCH = 500


@dataclass
class Size:
    """The measurement at one size of the store.

    Attributes:
        scopes: The number of scopes.
        file_bytes: The size of the file.
        turns: Seconds of each turn.
    """

    scopes: int
    file_bytes: int
    turns: list[float] = field(default_factory=list)


async def measure(folder: Path, sizes: list[int], turns: int, progress: Progress) -> list[Size]:
    """Fill a store step by step; at each size, measure turns of random people.

    Args:
        folder: An empty folder on the disk to measure.
        sizes: The number of scopes at each step, ascending.
        turns: The number of turns at each step.
        progress: Shows the filling.

    Returns:
        One measurement for each size.
    """
    file = folder / "growth.db"
    measured = []
    async with StateStore.open(f"sqlite:///{file}") as store:
        people = 0
        for size in sizes:
            people = await fill(store, people, size // 2, progress)
            step = Size(size, file.stat().st_size)
            for number in range(turns):
                step.turns.append(await _turn(store, Random(number).randrange(people), number))
            measured.append(step)
    return measured


async def fill(store: StateStore, start: int, end: int, progress: Progress) -> int:
    """Give people two scopes each, conversation and actor."""
    task = progress.add_task(f"filling to {end * 2:,} scopes", total=end - start)
    for first in range(start, end, BATCH):
        batch = range(first, min(first + BATCH, end))
        changes = [
            make_change(key, f"memory.{number}", value(number), store.limits)
            for person in batch
            for key in _keys(person)
            for number in range(KEYS)
        ]
        await store.backend.commit(changes)
        progress.advance(task, len(batch))
    return end


def _keys(person: int) -> Iterator[ScopeKey]:
    for scope in ("conversation", "actor"):
        key = key_from_event(scope, event(person), BINDING, DESCRIPTOR)
        assert key is not None
        yield key


async def _turn(store: StateStore, person: int, number: int) -> float:
    who = event(person)
    started = time.perf_counter()
    await store.build_snapshot_from_event(who, BINDING, DESCRIPTOR)
    for index in range(UPDATES):
        await store.update_from_event(
            who, BINDING, DESCRIPTOR, "actor", f"memory.{index}", value(number)
        )
    return time.perf_counter() - started
