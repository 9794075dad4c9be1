"""The reset that LangBot 4.11.0 has no function for, beside that of the later ones."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from langbot_state_ext.host.history import _reset_4_11_0

pytestmark = pytest.mark.host

WHERE = ("workspace", "bot", "person_alice")


def row(scope: str, conversation: str) -> dict[str, Any]:
    return {
        "runner_id": "r1",
        "binding_identity": "b1",
        "scope": scope,
        "scope_key": f"{scope} {conversation}",
        "state_key": "k",
        "value_json": "1",
        "workspace_id": "workspace",
        "bot_id": "bot",
        "conversation_id": conversation,
    }


async def test_the_reset_of_4_11_0_writes_what_langbot_reads(tmp_path: Path) -> None:
    from langbot.pkg.agent.runner.context_reset import get_reset_generation
    from langbot.pkg.entity.persistence.runner_state import RunnerState

    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/langbot.db")
    kept = [row("actor", "person_alice"), row("conversation", "person_bob")]
    async with engine.begin() as connection:
        await connection.run_sync(RunnerState.metadata.tables["runner_state"].create)
        rows = [*kept, row("conversation", "person_alice")]
        await connection.execute(sa.insert(RunnerState), rows)
    generations = set()
    for _ in range(2):
        async with engine.begin() as connection:
            await _reset_4_11_0(SimpleNamespace(execute_async=connection.execute), *WHERE)
        generations.add(UUID(await get_reset_generation(engine, *WHERE)))
    assert len(generations) == 2
    async with engine.connect() as connection:
        keys = await connection.execute(sa.select(RunnerState.scope_key).order_by(RunnerState.id))
        assert [key for (key,) in keys][:-1] == [each["scope_key"] for each in kept]
    await engine.dispose()
