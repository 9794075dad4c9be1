"""Every backend passes the same contract."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from langbot_state_ext.backends.memory import MemoryBackend
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
