"""LangBot's history of a conversation, which runners page through, and where it begins.

A reset writes a *generation* for the conversation. LangBot hides older messages from runners, keeps
them for the operator, and drops a session that was made under an earlier generation.

Source:
    LangBot 4.11.2, langbot/pkg/agent/runner/context_reset.py;
    langbot/pkg/provider/session/sessionmgr.py, get_session.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from inspect import unwrap
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from ..state.scopes import conversation_id_of


async def cut_history(
    persistence: Any, workspace_id: str, bot_id: str, conversation_id: str
) -> None:
    """Hide the messages so far from the runners of a conversation, as LangBot's own reset does.

    LangBot's function is called without our patch on it, which would clear the state of every
    runner. A message that is stored from now on is visible.

    Args:
        persistence: LangBot's persistence manager.
        workspace_id: The workspace.
        bot_id: The bot.
        conversation_id: The id under which LangBot keeps the history.
    """
    from langbot.pkg.agent.runner import context_reset

    reset = unwrap(getattr(context_reset, "reset_runner_context", _reset_4_11_0))
    async with persistence.tenant_uow(workspace_id):
        await reset(persistence, workspace_id, bot_id, conversation_id)


async def keep_session(persistence: Any, query: Any) -> None:
    """Keep the session of a Query after a cut, so that its queued messages go on in it."""
    from langbot.pkg.agent.runner.context_reset import get_reset_generation

    launcher = conversation_id_of(query.launcher_type.value, query.launcher_id)
    generation = await get_reset_generation(
        persistence.get_db_engine(), query.workspace_uuid, query.bot_uuid, launcher
    )
    object.__setattr__(query.session, "_context_generation", generation)


async def _reset_4_11_0(persistence: Any, workspace: str, bot: str, conversation: str) -> None:
    """Do what the reset in the UI of LangBot 4.11.0 does, which has no function for it.

    Source:
        LangBot 4.11.0, langbot/pkg/api/http/service/monitoring.py, reset_session_context.
    """
    from langbot.pkg.agent.runner.context_reset import HOST_RESET_RUNNER, reset_scope
    from langbot.pkg.entity.persistence.runner_state import RunnerState

    whose = {
        "workspace_id": workspace,
        "bot_id": bot,
        "conversation_id": conversation,
        "scope": "conversation",
    }
    generation = {
        "runner_id": HOST_RESET_RUNNER,
        "binding_identity": HOST_RESET_RUNNER,
        "scope_key": reset_scope(workspace, bot, conversation),
        "state_key": "generation",
        "value_json": json.dumps(str(uuid4())),
        "created_at": datetime.now(UTC).replace(tzinfo=None),
    }
    await persistence.execute_async(sa.delete(RunnerState).filter_by(**whose))
    await persistence.execute_async(sa.insert(RunnerState).values(**whose, **generation))
