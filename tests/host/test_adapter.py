"""The adapter: the way of an update, and what is left behind in LangBot's tasks."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import langbot_state_ext
from langbot_state_ext import Change, Run, RunLifecycle, StateStore
from langbot_state_ext.backends.memory import MemoryBackend
from langbot_state_ext.host.adapter import Adapter, _handling, host_patches
from langbot_state_ext.host.patches import Patches
from langbot_state_ext.host.sessions import Sessions
from langbot_state_ext.testing import SimpleBinding, SimpleDescriptor, SimpleEvent

PACKAGE = Path(langbot_state_ext.__file__).parent


class Remembering(RunLifecycle):
    """Remembers which runs it was told to drop."""

    dropped: list[str]

    def discard(self, run_id: str) -> None:
        self.dropped.append(run_id)
        super().discard(run_id)


async def test_a_task_of_many_runs_drops_just_those_that_never_ended() -> None:
    lifecycle, logger = Remembering(StateStore()), logging.getLogger("test")
    lifecycle.dropped = []
    adapter = Adapter(lifecycle, Sessions(lifecycle, logger=logger), logger=logger)
    where: dict[str, Any] = {
        "event": SimpleEvent(),
        "binding": SimpleBinding(),
        "descriptor": SimpleDescriptor(),
    }

    async def begin(run_id: str) -> None:
        async def build() -> dict[str, Any]:
            await adapter._build_snapshot(None, **where)
            return {"run_id": run_id}

        await adapter._build_context(build, **where)

    async def handle_events() -> None:
        for run_id in ("ended", "died"):
            await begin(run_id)
        await adapter._end("ended", "completed", None)

    await asyncio.create_task(handle_events())
    await asyncio.sleep(0)
    assert lifecycle.dropped == ["died"]
    assert "died" not in lifecycle


class Traced(MemoryBackend):
    """Notes which of our functions lead to a commit, the nearest first."""

    def __init__(self) -> None:
        super().__init__()
        self.path: list[str] = []

    async def commit(self, changes: Sequence[Change]) -> None:
        frames = inspect.stack()[1:]
        ours = [frame for frame in frames if PACKAGE in Path(frame.filename).parents]
        self.path = [frame.function for frame in ours]
        await super().commit(changes)


async def test_an_update_takes_a_straight_way_from_langbot_to_the_backend() -> None:
    from langbot.pkg.agent.runner.persistent_state_store import PersistentStateStore

    lifecycle = RunLifecycle(StateStore(backend := Traced()))
    event, binding, descriptor = SimpleEvent(), SimpleBinding(), SimpleDescriptor()
    where: dict[str, Any] = {"event": event, "binding": binding, "descriptor": descriptor}
    await lifecycle.before_run(Run("run-1", event, binding, descriptor))
    patches = Patches(host_patches(lifecycle, logger=logging.getLogger("test")))
    patches.install()
    token = _handling.set(("run-1", 1))
    try:
        done = await PersistentStateStore(None).apply_update_from_event(
            **where, scope="actor", key="n", value=1
        )
    finally:
        _handling.reset(token)
        patches.uninstall()
    assert done == (True, None)
    assert backend.path == ["_commit", "_apply", "update", "_apply_update"]


async def test_a_context_without_a_snapshot_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    lifecycle, logger = RunLifecycle(StateStore()), logging.getLogger("test")
    adapter = Adapter(lifecycle, Sessions(lifecycle, logger=logger), logger=logger)

    async def build() -> dict[str, Any]:
        return {"run_id": "run-1"}

    parts = (SimpleEvent(), SimpleBinding(), SimpleDescriptor())
    where: dict[str, Any] = dict(zip(("event", "binding", "descriptor"), parts, strict=True))
    assert await adapter._build_context(build, **where) == {"run_id": "run-1"}
    assert "run-1" not in lifecycle
    assert caplog.messages == ["Run run-1 has no state: LangBot did not read its snapshot"]
