"""The chats of a harness: who says what where, and what LangBot makes of it."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from langbot_plugin.entities.io.actions.enums import PluginToRuntimeAction as Action

from ...lifecycle.run import Run
from ...state.scopes import LauncherType, conversation_id_of
from ..objects import SimpleActor, SimpleBinding, SimpleEvent, SimplePolicy, SimpleSubject
from .component import Component

LANGBOT = "v4.11.2"
"""The LangBot whose ways the harness has."""

BOT = "bot-1"
PROCESSOR = "processor-1"
WORKSPACE = "workspace-1"

Processor = Literal["pipeline", "agent"]
"""What LangBot answers with: a pipeline, or an Agent bound to events."""


ALWAYS = ("box", "prompt_get", "run_get", "run_list", "run_events_page", "run_cancel")
"""The context APIs that every run of a conversation may call."""

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


@dataclass(frozen=True)
class Chat:
    """Somebody in a private chat or a group.

    Attributes:
        sender: The person.
        group: The group; None for the private chat.
    """

    sender: str
    group: str | None = None

    @property
    def launcher_type(self) -> LauncherType:
        """`person` or `group`."""
        return "person" if self.group is None else "group"

    @property
    def launcher_id(self) -> str:
        """The person or the group."""
        return self.group or self.sender

    @property
    def conversation_id(self) -> str:
        """What LangBot calls the conversation, `person_alice`."""
        return conversation_id_of(self.launcher_type, self.launcher_id)

    def event(self, processor: Processor, number: int = 0) -> SimpleEvent:
        """Make the event of a message, as LangBot's pipelines or Agents name its parts."""
        launcher = {"launcher_type": self.launcher_type, "launcher_id": self.launcher_id}
        data = {**launcher, "sender_id": self.sender or None, "bot_uuid": BOT}
        subject = SimpleSubject(str(number), "message", data)
        if processor == "agent":
            subject = SimpleSubject(str(number), "message")
            if self.group:
                subject = SimpleSubject(self.group, "group", {"group_name": self.group})
        actor = SimpleActor(self.sender)
        return SimpleEvent(self.conversation_id, None, actor, subject, BOT, WORKSPACE)

    def __str__(self) -> str:
        return self.sender if self.group is None else f"{self.sender} in {self.group}"


@dataclass(frozen=True)
class Setting:
    """What does not change from message to message.

    Attributes:
        component: The runner.
        processor: What LangBot answers with.
        config: The runner's settings.
        resources: What LangBot grants it.
        scopes: The scopes that the binding enables.
        expire_time: After how many idle seconds a conversation ends; 0 for never.
    """

    component: Component
    processor: Processor
    config: dict[str, Any]
    resources: dict[str, Any]
    scopes: tuple[str, ...]
    expire_time: float
    binding: SimpleBinding = field(init=False)

    def __post_init__(self) -> None:
        policy = SimplePolicy(enable_state=bool(self.scopes), state_scopes=self.scopes)
        made = SimpleBinding(f"agent_{PROCESSOR}_{self.component.id}", None, policy)
        object.__setattr__(self, "binding", made)

    def run(self, chat: Chat, number: int) -> Run:
        """Make the run that answers a message."""
        event = chat.event(self.processor, number)
        return Run(str(uuid.uuid4()), event, self.binding, self.component)

    def deadline(self) -> float | None:
        """Say when a run that begins now must be over: after `timeout` seconds, 300 by default.

        Source:
            LangBot 4.11.2, langbot/pkg/agent/runner/context_builder.py,
            _build_deadline_from_binding.
        """
        try:
            timeout_s = float(self.config.get("timeout", 300))
        except (TypeError, ValueError):
            return None
        return time.time() + timeout_s if timeout_s > 0 else None

    def tools(self) -> list[dict[str, Any]]:
        """Return the tools that a run may call; an Agent's may call the one behind `ctx.reply`."""
        component, tools = self.component, list(self.resources.get("tools", []))
        can_call = component.capabilities.tool_calling and "call" in component.permissions.tools
        return [*tools, EVENT_REPLY] if self.processor == "agent" and can_call else tools

    def storage(self) -> dict[str, bool]:
        """Say which storage a run may use; LangBot's own policies allow the plugin's."""
        granted: dict[str, bool] = self.resources.get("storage", {})
        return {"plugin_storage": "plugin" in self.component.permissions.storage, **granted}

    def apis(self) -> dict[str, bool]:
        """Say which context APIs a run may call.

        Source:
            LangBot 4.11.2, langbot/pkg/agent/runner/context_builder.py, _build_context_access, and
            what orchestrator.py, run, adds to it.
        """
        permissions = self.component.permissions
        return {
            **dict.fromkeys(ALWAYS, True),
            "state": bool(self.scopes),
            "storage": any(self.storage().values()),
            "history_page": "page" in permissions.history,
            "history_search": "search" in permissions.history,
            "event_get": "get" in permissions.events,
            "event_page": "page" in permissions.events,
            "steering_pull": self.component.capabilities.steering,
            "reply_stream": EVENT_REPLY in self.tools() and hasattr(Action, "REPLY_STREAM"),
        }
