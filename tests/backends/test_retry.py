"""A commit that depends on what is stored is prepared again after a conflict."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from langbot_state_ext import BackendUnavailable, Change
from langbot_state_ext.backends.memory import MemoryBackend
from langbot_state_ext.backends.retry import commit_current
from langbot_state_ext.testing.contract import person, put

ALICE = person("alice")


async def count_on(backend: MemoryBackend) -> tuple[list[Change], int]:
    held = await backend.get(ALICE, "n")
    await asyncio.sleep(0)
    number = int(held.value) + 1 if held else 1
    change = put(ALICE, "n", b"%d" % number, expect=held.version if held else 0)
    return [change], number


async def test_writers_that_race_all_count() -> None:
    backend = MemoryBackend()
    numbers = await asyncio.gather(
        *(commit_current(backend, lambda: count_on(backend)) for _ in range(20))
    )
    assert sorted(numbers) == list(range(1, 21))
    assert await backend.load([ALICE]) == [{"n": b"20"}]


async def test_the_result_is_that_of_the_changes_that_were_committed() -> None:
    backend, seen = MemoryBackend(), list[int]()

    async def prepare() -> tuple[Sequence[Change], int]:
        changes, number = await count_on(backend)
        seen.append(number)
        if len(seen) == 1:
            await backend.commit([put(ALICE, "n", b"7")])
        return changes, number

    assert await commit_current(backend, prepare) == 8
    assert seen == [1, 8]


async def test_nothing_to_commit_is_no_error() -> None:
    async def prepare() -> tuple[Sequence[Change], str]:
        return [], "nothing"

    assert await commit_current(MemoryBackend(), prepare) == "nothing"


async def test_a_store_that_failed_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    backend, tries = MemoryBackend(), list[object]()

    async def fail(changes: object) -> None:
        tries.append(changes)
        raise BackendUnavailable("it is down")

    monkeypatch.setattr(backend, "commit", fail)
    with pytest.raises(BackendUnavailable):
        await commit_current(backend, lambda: count_on(backend))
    assert len(tries) == 1
