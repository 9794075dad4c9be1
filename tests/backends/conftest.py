"""What the faults of both servers are tried with."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from langbot_state_ext import Backend, BackendUnavailable
from langbot_state_ext.testing.contract import person, put
from testkit.servers import ServerProcess

WRITERS = range(4)
ENOUGH = 20
"""How often each of them has written when the server is killed."""


@pytest.fixture
def kill_under_writers() -> Callable[[Backend, ServerProcess], Awaitable[None]]:
    return _kill_under_writers


async def _kill_under_writers(backend: Backend, server: ServerProcess) -> None:
    """Let writers go on until the server is killed; what they were told is kept, is."""
    acknowledged = dict.fromkeys(WRITERS, 0)

    async def write(writer: int) -> None:
        with suppress(BackendUnavailable):
            for number in itertools.count(1):
                both = [put(person(f"w{writer}"), key, b"%d" % number) for key in ("a", "b")]
                await backend.commit(both)
                acknowledged[writer] = number

    writers = [asyncio.create_task(write(writer)) for writer in WRITERS]
    while min(acknowledged.values()) < ENOUGH:
        assert not any(writer.done() for writer in writers), acknowledged
        await asyncio.sleep(0.01)
    await asyncio.to_thread(server.kill)
    await asyncio.gather(*writers)
    await asyncio.to_thread(server.start)
    for writer, number in acknowledged.items():
        held = (await backend.load([person(f"w{writer}")]))[0]
        assert held["a"] == held["b"]
        assert int(held["a"]) in {number, number + 1}
