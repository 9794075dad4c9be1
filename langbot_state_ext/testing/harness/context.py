"""The `RunnerContext` of a harness's run, as LangBot builds it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from langbot_plugin.api.definition.components.runner import RunnerContext

from ...lifecycle.run import Run
from ...state.scopes import Snapshot
from .chats import BOT, LANGBOT, WORKSPACE, Chat, Setting


def build_context(
    setting: Setting,
    chat: Chat,
    run: Run,
    text: str,
    snapshot: Snapshot,
    uuid: str | None,
    number: int,
    latest_cursor: str | None,
) -> RunnerContext:
    """Build what a runner gets.

    Args:
        setting: What does not change from message to message.
        chat: Who speaks where.
        run: The run.
        text: What is said.
        snapshot: The state.
        uuid: What the conversation is called on the far side.
        number: The message's, from 1.
        latest_cursor: The newest entry of the history.

    Returns:
        A context that shares nothing with what it was made from.
    """
    now = int(time.time())
    is_pipeline = setting.processor == "pipeline"
    params = _params(chat, uuid, text, now) if is_pipeline else {}
    payload = {
        "run_id": run.run_id,
        "trigger": {"type": "message.received", "source": "host_adapter", "timestamp": now},
        "event": _event(chat, run, now) if is_pipeline else _event_of_agent(run, now),
        "conversation": _conversation(chat),
        "actor": {"actor_type": "user", "actor_id": chat.sender, "actor_name": chat.sender},
        "subject": vars(run.event.subject),
        "input": {"text": text, "contents": [{"type": "text", "text": text}]},
        "delivery": _delivery(setting, chat),
        "resources": _resources(setting),
        "context": _access(setting, chat, latest_cursor),
        "state": snapshot,
        "runtime": _runtime(run, setting),
        "config": setting.config,
        "variables": _variables(params, number),
        "adapter": {"extra": {"params": params} if is_pipeline else {}},
    }
    return RunnerContext.model_validate(json.loads(json.dumps(payload)))


def _event(chat: Chat, run: Run, now: int) -> dict[str, Any]:
    kind = "GroupMessage" if chat.group else "FriendMessage"
    event = {"event_type": "message.received", "event_time": now, "source": "host_adapter"}
    data = {"type": kind, "time": float(now)}
    return {"event_id": f"host:{run.run_id}", **event, "source_event_type": kind, "data": data}


def _event_of_agent(run: Run, now: int) -> dict[str, Any]:
    event = {"event_type": "message.received", "event_time": now, "source": "platform"}
    kind = event["event_type"]
    return {"event_id": run.run_id, **event, "source_event_type": kind, "data": {"type": kind}}


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


def _delivery(setting: Setting, chat: Chat) -> dict[str, Any]:
    target = {"target_type": chat.launcher_type, "target_id": chat.launcher_id}
    is_pipeline = setting.processor == "pipeline"
    can = {"automatic_reply": is_pipeline, "supports_streaming": is_pipeline}
    return {"surface": "platform", "reply_target": target, **can}


def _resources(setting: Setting) -> dict[str, Any]:
    return {**setting.resources, "tools": setting.tools(), "storage": setting.storage()}


def _access(setting: Setting, chat: Chat, latest_cursor: str | None) -> dict[str, Any]:
    return {
        "conversation_id": chat.conversation_id,
        "latest_cursor": latest_cursor,
        "transcript_seq": int(latest_cursor) if latest_cursor else None,
        "inline_policy": {"mode": "current_event", "reason": "current_event_only"},
        "has_history_before": latest_cursor is not None,
        "available_apis": setting.apis(),
    }


def _runtime(run: Run, setting: Setting) -> Mapping[str, Any]:
    is_pipeline = setting.processor == "pipeline"
    metadata = {"bot_id": BOT, "workspace_id": WORKSPACE, "streaming_supported": is_pipeline}
    runtime = {"langbot_version": LANGBOT, "deadline_at": setting.deadline()}
    return {**runtime, "trace_id": run.run_id, "metadata": metadata}
