"""A counter that writers raise together by compare-and-set."""

from __future__ import annotations

import asyncio
import multiprocessing
from pathlib import Path

from ...backends import (
    Backend,
    Change,
)
from ...backends.retry import commit_current
from .base import ContractBase, person, put

COUNTER = person("counter")


async def increment(backend: Backend) -> None:
    """Add one by compare-and-set, as often as it takes."""
    await commit_current(backend, lambda: _add_one(backend))


async def _add_one(backend: Backend) -> tuple[list[Change], None]:
    entry = await backend.get(COUNTER, "n")
    number, version = (int(entry.value), entry.version) if entry else (0, 0)
    await asyncio.sleep(0)
    return [put(COUNTER, "n", str(number + 1).encode(), expect=version)], None


def count_together(contract: ContractBase, place: Path, processes: int, increments: int) -> None:
    """Let processes open the store at the same time, and count by compare-and-set.

    Raises:
        RuntimeError: One of them failed.
    """
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_count, args=(contract, place, increments)) for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise RuntimeError(f"exit codes {[worker.exitcode for worker in workers]}")


def _count(contract: ContractBase, place: Path, increments: int) -> None:
    async def work() -> None:
        async with contract.make(place) as backend:
            for _ in range(increments):
                await increment(backend)

    asyncio.run(work())
