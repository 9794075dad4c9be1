"""One turn with this store, LangBot's own store and raw `sqlite3`, in one run.

A turn loads four scopes of eight keys with 200-byte JSON values, then durably writes three
updates. The contenders run blocks of turns in random order, so that other load on the machine
affects all of them alike and none of them always follows the same one.
"""

from __future__ import annotations

import logging
import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import orjson
from rich.progress import Progress

from langbot_state_ext import VALID_STATE_SCOPES, Change, StateStore

from .people import BINDING, DESCRIPTOR, event

KEYS = 8
UPDATES = 3
BLOCK = 20
"""The number of turns in a block."""


def value(number: int) -> dict[str, Any]:
    """Return a JSON object of about 200 bytes that differs by number."""
    return {
        "n": number,
        "text": "what a bot keeps of a person " * 4,
        "list": [1, 2, 3],
        "rate": 0.5,
        "on": True,
        "nested": {"language": "en"},
    }


@dataclass
class Contender:
    """A store to measure.

    Attributes:
        name: Its name in the report.
        read: Loads the four scopes.
        write: Writes one update, given a scope, a key and a value.
        snapshots: Seconds of each snapshot.
        updates: Seconds of each update.
        turns: Seconds of each turn.
    """

    name: str
    read: Callable[[], Awaitable[Any]]
    write: Callable[[str, str, Any], Awaitable[Any]]
    snapshots: list[float] = field(default_factory=list)
    updates: list[float] = field(default_factory=list)
    turns: list[float] = field(default_factory=list)

    async def fill(self) -> None:
        """Write what a turn reads."""
        for scope in VALID_STATE_SCOPES:
            for number in range(KEYS):
                await self.write(scope, f"memory.{number}", value(number))

    async def turn(self, number: int) -> None:
        """Run one turn and record its times."""
        started = time.perf_counter()
        await self.read()
        self.snapshots.append(time.perf_counter() - started)
        for index in range(UPDATES):
            begun = time.perf_counter()
            await self.write(VALID_STATE_SCOPES[index], f"memory.{index}", value(number))
            self.updates.append(time.perf_counter() - begun)
        self.turns.append(time.perf_counter() - started)


Others = Callable[[Path, AsyncExitStack], Awaitable[list[Contender]]]


async def ours(url: str, name: str, stack: AsyncExitStack) -> Contender:
    """Open this project's store."""
    store = await stack.enter_async_context(StateStore.open(url))
    person = event(1)

    async def write(scope: str, key: str, data: Any) -> None:
        update = await store.update_from_event(person, BINDING, DESCRIPTOR, scope, key, data)
        assert isinstance(update, Change), update

    return Contender(
        f"langbot-state-ext ({name})",
        lambda: store.build_snapshot_from_event(person, BINDING, DESCRIPTOR),
        write,
    )


async def floor(file: Path, synchronous: str, stack: AsyncExitStack) -> Contender:
    """Open the least that stores the same bytes: one table, no checks, no versions."""
    db = sqlite3.connect(file, isolation_level=None)
    stack.callback(db.close)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {synchronous}")
    db.execute(
        "CREATE TABLE state (scope TEXT, key TEXT, value BLOB, PRIMARY KEY (scope, key)) "
        "WITHOUT ROWID"
    )
    places: dict[str, str] = {scope: scope + "0" * 64 for scope in VALID_STATE_SCOPES}
    scopes = tuple(places.values())

    async def read() -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {scope: {} for scope in scopes}
        rows = db.execute("SELECT scope, key, value FROM state WHERE scope IN (?, ?, ?, ?)", scopes)
        for scope, key, data in rows:
            found[scope][key] = orjson.loads(data)
        return found

    async def write(scope: str, key: str, data: Any) -> None:
        db.execute(
            "INSERT INTO state VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (places[scope], key, orjson.dumps(data)),
        )

    return Contender(f"raw sqlite3 ({synchronous})", read, write)


async def host(file: Path, stack: AsyncExitStack) -> Contender:
    """Open LangBot's own store with the kind of engine that LangBot uses."""
    from langbot.pkg.agent.runner.persistent_state_store import PersistentStateStore
    from langbot.pkg.entity.persistence.runner_state import RunnerState
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(f"sqlite+aiosqlite:///{file}")
    stack.push_async_callback(engine.dispose)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        await connection.run_sync(RunnerState.metadata.tables["runner_state"].create)
    store = PersistentStateStore(engine)
    person = event(1)

    async def write(scope: str, key: str, data: Any) -> None:
        kept, error = await store.apply_update_from_event(
            person, BINDING, DESCRIPTOR, scope, key, data
        )
        assert kept, error

    return Contender(
        "LangBot's own",
        lambda: store.build_snapshot_from_event(person, BINDING, DESCRIPTOR),
        write,
    )


async def measure(folder: Path, turns: int, others: Others, progress: Progress) -> list[Contender]:
    """Run the same turns with every contender, in blocks, in random order.

    Args:
        folder: An empty folder on the disk to measure.
        turns: The number of turns of each contender.
        others: Opens the stores to compare with.
        progress: Shows the progress.

    Returns:
        The contenders with their times: raw `sqlite3` and this store with `normal`, both with
        `full`, LangBot's own store, and the others.
    """
    logging.disable(logging.WARNING)
    async with AsyncExitStack() as stack:
        contenders = [
            await floor(folder / "floor-normal.db", "normal", stack),
            await ours(f"sqlite:///{folder}/normal.db?synchronous=normal", "normal", stack),
            await floor(folder / "floor-full.db", "full", stack),
            await ours(f"sqlite:///{folder}/full.db?synchronous=full", "full", stack),
            await host(folder / "host.db", stack),
            *await others(folder, stack),
        ]
        for contender in contenders:
            await contender.fill()
        task = progress.add_task(f"{turns} turns of {len(contenders)} stores", total=turns)
        for first in range(0, turns, BLOCK):
            for contender in Random(first).sample(contenders, len(contenders)):
                for number in range(first, min(first + BLOCK, turns)):
                    await contender.turn(number)
            progress.update(task, completed=first + BLOCK)
    return contenders


def median_ms(seconds: list[float]) -> float:
    """Return the median in milliseconds."""
    return statistics.median(seconds) * 1000


def percentile_ms(seconds: list[float], percent: int) -> float:
    """Return a percentile, 1 to 99, in milliseconds."""
    return statistics.quantiles(seconds, n=100)[percent - 1] * 1000
