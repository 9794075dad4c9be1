"""What the adapter leaves behind in LangBot's tasks."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from langbot_state_ext import RunLifecycle, StateStore
from langbot_state_ext.host.adapter import Adapter
from langbot_state_ext.host.sessions import Sessions
from langbot_state_ext.testing import SimpleBinding, SimpleDescriptor, SimpleEvent


class Remembering(RunLifecycle):
    """Remembers which runs it was told to drop."""

    dropped: list[str]

    def forget(self, run_id: str) -> None:
        self.dropped.append(run_id)
        super().forget(run_id)


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
