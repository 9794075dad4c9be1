"""Every backend passes the same contract, and eight processes count to eighty thousand."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from langbot_state_ext import Change, VersionConflict
from langbot_state_ext.backends.memory import MemoryBackend
from langbot_state_ext.backends.postgres.backend import PostgresBackend
from langbot_state_ext.backends.redis.backend import RedisBackend
from langbot_state_ext.backends.sqlite.backend import SqliteBackend
from langbot_state_ext.testing import BackendContract, DurableBackendContract
from langbot_state_ext.testing.contract import person


class TestMemory(BackendContract):
    def make(self, place: Path, *, clock: Callable[[], float] = time.time) -> MemoryBackend:
        return MemoryBackend(clock=clock)


class TestSqlite(DurableBackendContract):
    def make(self, place: Path, *, clock: Callable[[], float] = time.time) -> SqliteBackend:
        return SqliteBackend(place / "state.db", clock=clock)


class TestSqliteFull(DurableBackendContract):
    def make(self, place: Path, *, clock: Callable[[], float] = time.time) -> SqliteBackend:
        return SqliteBackend(place / "state.db", synchronous="full", clock=clock)


class TestSqliteBlocking(DurableBackendContract):
    def make(self, place: Path, *, clock: Callable[[], float] = time.time) -> SqliteBackend:
        return SqliteBackend(place / "state.db", blocking=True, clock=clock)


class TestPostgres(DurableBackendContract):
    @pytest.fixture(autouse=True)
    def _server(self, postgres_url: str) -> None:
        self.url = postgres_url

    def make(self, place: Path, *, clock: Callable[[], float] = time.time) -> PostgresBackend:
        return PostgresBackend.from_url(f"{self.url}?schema={own_name(place)}", clock=clock)


class TestRedis(DurableBackendContract):
    @pytest.fixture(autouse=True)
    def _server(self, redis_url: str) -> None:
        self.url = redis_url

    def make(self, place: Path, *, clock: Callable[[], float] = time.time) -> RedisBackend:
        return RedisBackend.from_url(f"{self.url}?prefix={own_name(place)}:", clock=clock)


def own_name(place: Path) -> str:
    """Return a name for each place, that of a schema or the beginning of keys."""
    return f"t_{hashlib.sha256(str(place).encode()).hexdigest()[:20]}"


PROCESSES = 8
COUNTER = person("counter")


async def count(contract: DurableBackendContract, place: Path, increments: int) -> None:
    """Count on from what was written last; after a conflict wait a little, and read again."""
    async with contract.make(place) as backend:
        version, wait_s = 0, 0.002
        for _ in range(increments):
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


def work(contract: DurableBackendContract, place: Path, increments: int) -> None:
    asyncio.run(count(contract, place, increments))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("backend", ["sqlite", "postgres", "redis"])
def test_no_increment_of_eight_processes_is_lost(
    backend: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    contract: DurableBackendContract = TestSqlite()
    if backend == "postgres":
        contract = over_postgres = TestPostgres()
        over_postgres.url = request.getfixturevalue("postgres_url")
    if backend == "redis":
        contract = over_redis = TestRedis()
        over_redis.url = request.getfixturevalue("redis_url")
    increments = request.config.getoption("--increments")
    context = multiprocessing.get_context("spawn")
    arguments = (contract, tmp_path, increments)
    workers = [context.Process(target=work, args=arguments) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    entry = asyncio.run(read(contract, tmp_path))
    assert entry == (str(PROCESSES * increments).encode(), PROCESSES * increments)


async def read(contract: DurableBackendContract, place: Path) -> tuple[bytes, int] | None:
    async with contract.make(place) as backend:
        entry = await backend.get(COUNTER, "n")
    return (entry.value, entry.version) if entry else None
