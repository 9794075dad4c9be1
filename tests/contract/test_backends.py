"""Every backend passes the same contract."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from langbot_state_ext.backends.memory import MemoryBackend
from langbot_state_ext.backends.postgres import PostgresBackend
from langbot_state_ext.backends.redis import RedisBackend
from langbot_state_ext.backends.sqlite import SqliteBackend
from langbot_state_ext.testing import BackendContract, DurableBackendContract


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
