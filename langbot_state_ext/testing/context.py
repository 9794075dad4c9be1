"""The `RunnerContext` of a harness's run, as LangBot builds it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from langbot_plugin.api.definition.components.runner import RunnerContext

from ..keyed import Snapshot
from ..run import Run
from .chats import BOT, WORKSPACE, Chat, Setting

EVENT_REPLY = {
    "tool_name": "event_reply",
    "tool_type": "platform",
    "operations": ["detail", "call"],
    "parameters": {
        "type": "object",
        "properties": {"text": {"type": "string", "minLength": 1}},
        "required": ["text"],
        "additionalProperties": False,
    },
}
"""The tool behind `ctx.reply`, which LangBot grants to Agents and not to pipelines."""


def build_context(
    setting: Setting,
    chat: Chat,
    run: Run,
    text: str,
    snapshot: Snapshot,
    uuid: str | None,
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
        latest_cursor: The newest entry of the history.

    Returns:
        A context that shares nothing with what it was made from.
    """
    now = int(time.time())
    variables = _variables(chat, uuid, text, now)
    payload = {
        "run_id": run.run_id,
        "trigger": {"type": "message.received", "source": "host_adapter", "timestamp": now},
        "event": _event(run, now),
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
        "variables": variables,
        "adapter": {"extra": {"params": variables} if setting.processor == "pipeline" else {}},
    }
    return RunnerContext.model_validate(json.loads(json.dumps(payload)))


def _event(run: Run, now: int) -> dict[str, Any]:
    event = {"event_type": "message.received", "event_time": now, "source": "host_adapter"}
    return {"event_id": f"host:{run.run_id}", **event}


def _conversation(chat: Chat) -> dict[str, Any]:
    where = {"conversation_id": chat.conversation_id, "sender_id": chat.sender}
    return {**where, "bot_id": BOT, "workspace_id": WORKSPACE}


def _variables(chat: Chat, uuid: str | None, text: str, now: int) -> dict[str, Any]:
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


def _delivery(setting: Setting, chat: Chat) -> dict[str, Any]:
    target = {"target_type": chat.launcher_type, "target_id": chat.launcher_id}
    automatic = setting.processor == "pipeline"
    return {"surface": "platform", "automatic_reply": automatic, "reply_target": target}


def _resources(setting: Setting) -> dict[str, Any]:
    tools = list(setting.resources.get("tools", []))
    component = setting.component
    can_call = component.capabilities.tool_calling and "call" in component.permissions.tools
    if setting.processor == "agent" and can_call:
        tools.append(EVENT_REPLY)
    return {**setting.resources, "tools": tools}


def _access(setting: Setting, chat: Chat, latest_cursor: str | None) -> dict[str, Any]:
    return {
        "conversation_id": chat.conversation_id,
        "latest_cursor": latest_cursor,
        "has_history_before": latest_cursor is not None,
        "available_apis": setting.apis(),
    }


def _runtime(run: Run, setting: Setting) -> Mapping[str, Any]:
    metadata = {"bot_id": BOT, "workspace_id": WORKSPACE, "streaming_supported": False}
    return {"trace_id": run.run_id, "deadline_at": setting.deadline(), "metadata": metadata}
