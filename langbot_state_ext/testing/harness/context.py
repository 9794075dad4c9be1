"""The `RunnerContext` of a run, as LangBot builds it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from langbot_plugin.api.definition.components.runner import RunnerContext

from ...lifecycle.run import Run
from ...state.scopes import Snapshot
from .chat import BOT, WORKSPACE, Chat
from .settings import Settings

LANGBOT_VERSION = "v4.11.2"
"""The LangBot that the harness imitates."""


def build_context(
    settings: Settings,
    chat: Chat,
    run: Run,
    text: str,
    snapshot: Snapshot,
    uuid: str | None,
    number: int,
    latest_cursor: str | None,
) -> RunnerContext:
    """Build the context of a run.

    Args:
        settings: The settings of the harness.
        chat: Where the message was sent.
        run: The run.
        text: The message.
        snapshot: The state.
        uuid: The uuid of the conversation, which is its external id.
        number: The number of the message, from 1.
        latest_cursor: The newest message of the transcript; None for none.

    Returns:
        A context that shares no object with the arguments.
    """
    now = int(time.time())
    params = _params(chat, uuid, text, now) if settings.is_pipeline else {}
    payload = {
        "run_id": run.run_id,
        "trigger": {"type": "message.received", "source": "host_adapter", "timestamp": now},
        "event": _event(settings, chat, run, now),
        "conversation": _conversation(chat),
        "actor": {"actor_type": "user", "actor_id": chat.sender, "actor_name": chat.sender},
        "subject": vars(run.event.subject),
        "input": {"text": text, "contents": [{"type": "text", "text": text}]},
        "delivery": _delivery(settings, chat),
        "resources": _resources(settings),
        "context": _access(settings, chat, latest_cursor),
        "state": snapshot,
        "runtime": _runtime(run, settings),
        "config": settings.config,
        "variables": _variables(params, number),
        "adapter": {"extra": {"params": params} if settings.is_pipeline else {}},
    }
    return RunnerContext.model_validate(json.loads(json.dumps(payload)))


def _event(settings: Settings, chat: Chat, run: Run, now: int) -> dict[str, Any]:
    event = {"event_type": "message.received", "event_time": now}
    if settings.is_pipeline:
        kind = "GroupMessage" if chat.group else "FriendMessage"
        data: dict[str, Any] = {"type": kind, "time": float(now)}
        where = {"event_id": f"host:{run.run_id}", "source": "host_adapter"}
    else:
        kind = "message.received"
        data = {"type": kind}
        where = {"event_id": run.run_id, "source": "platform"}
    return {**event, **where, "source_event_type": kind, "data": data}


def _conversation(chat: Chat) -> dict[str, Any]:
    where = {"conversation_id": chat.conversation_id, "sender_id": chat.sender}
    return {**where, "bot_id": BOT, "workspace_id": WORKSPACE}


def _params(chat: Chat, uuid: str | None, text: str, now: int) -> dict[str, Any]:
    """Return the variables that LangBot's pre-processor sets.

    Source:
        LangBot 4.11.2, langbot/pkg/pipeline/preproc/preproc.py.
    """
    return {
        "launcher_type": chat.launcher_type,
        "launcher_id": chat.launcher_id,
        "sender_id": chat.sender,
        "session_id": chat.conversation_id,
        "conversation_id": uuid,
        "msg_create_time": now,
        "group_name": chat.group or "",
        "sender_name": chat.sender,
        "user_message_text": text,
    }


def _variables(params: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return what LangBot's orchestrator lets through as `ctx.variables`."""
    scalars = {name: value for name, value in params.items() if value is not None}
    return {**scalars, "query_id": number}


def _delivery(settings: Settings, chat: Chat) -> dict[str, Any]:
    target = {"target_type": chat.launcher_type, "target_id": chat.launcher_id}
    can = dict.fromkeys(("automatic_reply", "supports_streaming"), settings.is_pipeline)
    return {"surface": "platform", "reply_target": target, **can}


def _resources(settings: Settings) -> dict[str, Any]:
    return {**settings.resources, "tools": settings.tools(), "storage": settings.storage()}


def _access(settings: Settings, chat: Chat, latest_cursor: str | None) -> dict[str, Any]:
    return {
        "conversation_id": chat.conversation_id,
        "latest_cursor": latest_cursor,
        "transcript_seq": int(latest_cursor) if latest_cursor else None,
        "inline_policy": {"mode": "current_event", "reason": "current_event_only"},
        "has_history_before": latest_cursor is not None,
        "available_apis": settings.available_apis(),
    }


def _runtime(run: Run, settings: Settings) -> Mapping[str, Any]:
    where = {"bot_id": BOT, "workspace_id": WORKSPACE}
    metadata = {**where, "streaming_supported": settings.is_pipeline}
    runtime = {"langbot_version": LANGBOT_VERSION, "deadline_at": settings.deadline_at()}
    return {**runtime, "trace_id": run.run_id, "metadata": metadata}
