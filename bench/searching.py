"""A turn beside a search of values and the figures of the page: how much slower does it get?

`python -m bench.searching` fills a store, then runs turns of random people through `RunLifecycle`,
in blocks: alone, beside a search that the page goes on with as soon as it has an answer, beside
figures, and beside a process of the lowest priority that only counts. What that one costs is the
machine's: processors share caches.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from langbot_state_ext import Run, RunLifecycle, StateStore
from langbot_state_ext.plugin.page.inspector import Inspector

from .growth import fill
from .people import BINDING, DESCRIPTOR, event
from .turn import UPDATES, median_ms, percentile_ms, value

ROUNDS = 12
BLOCK_S = 1.0
"""How long a block of turns takes, in seconds."""

Beside = Callable[[Inspector, asyncio.Event], Awaitable[None]]
"""Goes on until the event is set."""


@dataclass
class Case:
    """What turns run beside.

    Attributes:
        name: Its name in the report.
        beside: What goes on; None for nothing.
        turns: Seconds of each turn.
    """

    name: str
    beside: Beside | None
    turns: list[float] = field(default_factory=list)


async def measure(url: str, scopes: int, progress: Progress) -> list[Case]:
    """Run blocks of turns alone, beside a search and beside figures.

    Args:
        url: An empty store.
        scopes: How many scopes to fill it with.
        progress: Shows the filling.

    Returns:
        The cases: alone first.
    """
    cases = [
        Case("alone", None),
        Case("a search in values", _search),
        Case("figures", _figures),
        Case("a process that counts", _count),
    ]
    async with StateStore.open(url) as store:
        people = await fill(store, 0, scopes // 2, progress)
        inspector = Inspector(store, _names, url=url)
        lifecycle = RunLifecycle(store)
        for number in range(ROUNDS):
            for case in Random(number).sample(cases, len(cases)):
                async with _running(case.beside, inspector):
                    await _block(case, lifecycle, people)
        await inspector.close()
    return cases


async def _block(case: Case, lifecycle: RunLifecycle, people: int) -> None:
    end = time.perf_counter() + BLOCK_S
    random = Random(len(case.turns))
    while time.perf_counter() < end:
        case.turns.append(await _turn(lifecycle, random.randrange(people), len(case.turns)))
        await asyncio.sleep(0.002)


async def _turn(lifecycle: RunLifecycle, person: int, number: int) -> float:
    run = Run(f"{person}-{number}", event(person), BINDING, DESCRIPTOR)
    started = time.perf_counter()
    await lifecycle.before_run(run)
    for index in range(UPDATES):
        await lifecycle.update(run.run_id, "actor", f"memory.{index}", value(number))
    await lifecycle.after_run(run.run_id, "completed")
    return time.perf_counter() - started


@asynccontextmanager
async def _running(beside: Beside | None, inspector: Inspector) -> AsyncIterator[None]:
    """Let something go on, from half a second before until the end."""
    if beside is None:
        yield
        return
    stop = asyncio.Event()
    task = asyncio.ensure_future(beside(inspector, stop))
    await asyncio.sleep(0.5)
    yield
    assert not task.done(), task
    stop.set()
    await task


async def _search(inspector: Inspector, stop: asyncio.Event) -> None:
    """Search all values for a text that none has, over and over."""
    cursor = None
    while not stop.is_set():
        request = {"text": "no such text", "inside": True, "cursor": cursor}
        answer = await inspector.handle("/find", request)
        assert answer["scopes"] == []
        cursor = answer["cursor"]


async def _figures(inspector: Inspector, stop: asyncio.Event) -> None:
    """Compute the figures over and over."""
    while not stop.is_set():
        inspector._figures_of(None).invalidate()  # noqa: SLF001 - or they would be cached
        await inspector.handle("/overview", {})


async def _count(_inspector: Inspector, stop: asyncio.Event) -> None:
    """Let another process count, at the lowest priority."""
    code = "import os; os.nice(19); n = 0\nwhile True: n += 1"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    await stop.wait()
    process.kill()
    await process.wait()


async def _names(_workspace: str | None) -> dict[str, str]:
    return {}


def main() -> None:
    """Measure and print a table for each store."""
    parser = argparse.ArgumentParser(prog="python -m bench.searching", description=__doc__)
    parser.add_argument("--scopes", type=int, default=200_000, help="default: 200000")
    arguments = parser.parse_args()
    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Progress(console=console, transient=True) as progress,
    ):
        for url in (f"sqlite:///{Path(folder)}/state.db", "memory://"):
            cases = asyncio.run(measure(url, arguments.scopes, progress))
            console.print(_table(url.partition(":")[0], arguments.scopes, cases))


def _table(name: str, scopes: int, cases: list[Case]) -> Table:
    table = Table(title=f"A turn over {scopes:,} scopes, {name} (ms)")
    for heading in ("beside", "median", "p95", "p99", "mean", "median, x alone", "mean, x alone"):
        table.add_column(heading, justify="left" if heading == "beside" else "right")
    alone = cases[0].turns
    for case in cases:
        mean = sum(case.turns) / len(case.turns)
        table.add_row(
            case.name,
            f"{median_ms(case.turns):.3f}",
            *(f"{percentile_ms(case.turns, percent):.3f}" for percent in (95, 99)),
            f"{mean * 1000:.3f}",
            f"{median_ms(case.turns) / median_ms(alone):.2f}",
            f"{mean / (sum(alone) / len(alone)):.2f}",
        )
    return table


if __name__ == "__main__":
    main()
