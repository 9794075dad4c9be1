"""The tests that every backend passes, without a branch; for authors of another one.

    class TestMine(BackendContract):
        def make(self, place, *, clock=time.time):
            return MyBackend(place, clock=clock)

Needs the extra `contract`. Each test gets a store of its own: `place`
is an empty folder that no other test has.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ...errors import VersionConflict
from .base import Clock, person, put
from .counting import COUNTER, count_together, increment
from .entries import EntryContract
from .scopes import ScopeContract

__all__ = ["BackendContract", "Clock", "DurableBackendContract", "increment", "person", "put"]

INCREMENTS = 50
PROCESSES = 4


class BackendContract(EntryContract, ScopeContract):
    """Inherit, and define `make`."""


class DurableBackendContract(BackendContract):
    """The same, for a backend whose state outlives it and is shared between processes.

    `make` must work in another process, too: the instance is pickled.
    """

    async def test_state_outlives_the_backend(self, tmp_path: Path, clock: Clock) -> None:
        key = person("alice")
        async with self.make(tmp_path, clock=clock) as backend:
            await backend.commit([put(key, run_id="run-1"), put(key, "b", expires_at=clock() + 9)])
            before = await backend.entries(key)
        async with self.make(tmp_path, clock=clock) as backend:
            assert await backend.entries(key) == before
            await backend.commit([put(key, expect=1)])

    async def test_two_see_each_other(self, tmp_path: Path) -> None:
        key = person("alice")
        async with self.make(tmp_path) as one, self.make(tmp_path) as other:
            await one.commit([put(key)])
            await other.commit([put(key, value=b"2", expect=1)])
            assert await one.load([key]) == [{"k": b"2"}]
            with pytest.raises(VersionConflict):
                await one.commit([put(key, expect=1)])

    async def test_processes_that_count_together_lose_nothing(self, tmp_path: Path) -> None:
        await asyncio.to_thread(count_together, self, tmp_path, PROCESSES, INCREMENTS)
        async with self.make(tmp_path) as backend:
            entry = await backend.get(COUNTER, "n")
        assert entry is not None
        assert int(entry.value) == entry.version == PROCESSES * INCREMENTS
