"""Eight processes count to eighty thousand by compare-and-set, on every durable backend."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
from pathlib import Path

import pytest
from test_backends import TestPostgres as OverPostgres
from test_backends import TestRedis as OverRedis
from test_backends import TestSqlite as OverSqlite

from langbot_state_ext import Change, VersionConflict
from langbot_state_ext.testing import DurableBackendContract
from langbot_state_ext.testing.contract import person

PROCESSES = 8
INCREMENTS = 10_000
COUNTER = person("counter")


async def count(contract: DurableBackendContract, place: Path) -> None:
    """Count on from what was written last; after a conflict wait a little, and read again."""
    async with contract.make(place) as backend:
        version, wait_s = 0, 0.002
        for _ in range(INCREMENTS):
            while True:
                value = str(version + 1).encode()
                try:
                    await backend.commit([Change(COUNTER, "n", value, expect=version)])
                except VersionConflict:
                    await asyncio.sleep(random.random() * wait_s)
                    wait_s = min(2 * wait_s, 0.2)
                    entry = await backend.get(COUNTER, "n")
                    version = int(entry.value) if entry else 0
                else:
                    version, wait_s = version + 1, 0.002
                    break


def work(contract: DurableBackendContract, place: Path) -> None:
    asyncio.run(count(contract, place))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("backend", ["sqlite", "postgres", "redis"])
def test_none_of_eighty_thousand_increments_is_lost(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    contract: DurableBackendContract = OverSqlite()
    if backend == "postgres":
        contract = OverPostgres()
        contract.url = request.getfixturevalue("postgres_url")
    if backend == "redis":
        contract = OverRedis()
        contract.url = request.getfixturevalue("redis_url")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=(contract, tmp_path)) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    entry = asyncio.run(read(contract, tmp_path))
    assert entry == (str(PROCESSES * INCREMENTS).encode(), PROCESSES * INCREMENTS)


async def read(contract: DurableBackendContract, place: Path) -> tuple[bytes, int] | None:
    async with contract.make(place) as backend:
        entry = await backend.get(COUNTER, "n")
    return (entry.value, entry.version) if entry else None
