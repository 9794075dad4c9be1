"""The arguments of a `RunnerHarness`, and what LangBot derives from them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from langbot_plugin.entities.io.actions.enums import PluginToRuntimeAction as Action

from ...errors import ConfigError
from ...lifecycle.run import OnFailedRun, Run
from ...state.scopes import VALID_STATE_SCOPES
from ..objects import SimpleBinding, SimplePolicy
from .chat import Chat, Processor
from .component import Component

Answer = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Answers one action: takes the call's data, returns the answer's; may raise ActionCallError."""

PROCESSOR = "processor-1"

ACTIONS = sorted(action.value for action in Action)
"""What a runner can ask of LangBot."""

CONVERSATION_APIS = ("box", "prompt_get", "run_get", "run_list", "run_events_page", "run_cancel")
"""The context APIs that every run in a conversation may call."""

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
"""The tool behind `ctx.reply`. LangBot grants it to Agents, but not to pipelines."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The arguments of a `RunnerHarness`, checked.

    Attributes:
        component: The runner.
        config: The runner's settings.
        plugin_config: The plugin's settings.
        store: The url of the store.
        scopes: The scopes that the binding enables.
        processor: `pipeline` or `agent`.
        streaming: Whether the chat shows an answer while it grows.
        expire_time: After how many idle seconds a conversation expires; 0 for never.
        on_failed_run: `keep` or `rollback`.
        forget_on: By which texts a failed run says that its conversation is gone.
        resources: What LangBot grants the runner.
        answers: By action, the function that answers it.

    Raises:
        ConfigError: A value is not allowed; the message names it and what is.
    """

    component: Component
    config: Mapping[str, Any]
    plugin_config: Mapping[str, Any]
    store: str
    scopes: Sequence[str]
    processor: Processor
    streaming: bool
    expire_time: float
    on_failed_run: OnFailedRun
    forget_on: Sequence[str]
    resources: Mapping[str, Any]
    answers: Mapping[str, Answer]

    def __post_init__(self) -> None:
        _check("processor", self.processor, get_args(Processor))
        _check("on_failed_run", self.on_failed_run, get_args(OnFailedRun))
        if isinstance(self.scopes, str):
            raise ConfigError(f"scopes={self.scopes!r} is text: write scopes=[{self.scopes!r}]")
        for scope in self.scopes:
            _check("scopes", scope, VALID_STATE_SCOPES)
        for action in self.answers:
            _check("answers", action, ACTIONS)

    @cached_property
    def binding(self) -> SimpleBinding:
        """The binding that ties every message to the runner."""
        policy = SimplePolicy(enable_state=bool(self.scopes), state_scopes=self.scopes)
        return SimpleBinding(f"agent_{PROCESSOR}_{self.component.id}", None, policy)

    @property
    def is_pipeline(self) -> bool:
        """Whether a pipeline answers, and not an Agent."""
        return self.processor == "pipeline"

    def make_run(self, chat: Chat, number: int) -> Run:
        """Make the run that answers a message.

        Args:
            chat: Where the message is sent.
            number: The number of the message, from 1.
        """
        event = chat.event(self.processor, number)
        return Run(str(uuid.uuid4()), event, self.binding, self.component)

    def deadline_at(self) -> float | None:
        """Return the deadline of a run that begins now: `timeout` seconds away, 300 by default.

        Returns:
            Seconds since 1970; None for a run without a deadline.

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
        """Return the tools that a run may call. An Agent's has the one behind `ctx.reply`."""
        component, tools = self.component, list(self.resources.get("tools", []))
        can_call = component.capabilities.tool_calling and "call" in component.permissions.tools
        return tools if self.is_pipeline or not can_call else [*tools, EVENT_REPLY]

    def storage(self) -> dict[str, bool]:
        """Return which storage a run may use. LangBot's own policies allow the plugin's."""
        granted: dict[str, bool] = self.resources.get("storage", {})
        return {"plugin_storage": "plugin" in self.component.permissions.storage, **granted}

    def available_apis(self) -> dict[str, bool]:
        """Return which context APIs a run may call.

        Source:
            LangBot 4.11.2, langbot/pkg/agent/runner/context_builder.py, _build_context_access, and
            what orchestrator.py, run, adds to it.
        """
        permissions = self.component.permissions
        return {
            **dict.fromkeys(CONVERSATION_APIS, True),
            "state": bool(self.scopes),
            "storage": any(self.storage().values()),
            "history_page": "page" in permissions.history,
            "history_search": "search" in permissions.history,
            "event_get": "get" in permissions.events,
            "event_page": "page" in permissions.events,
            "steering_pull": self.component.capabilities.steering,
            "reply_stream": EVENT_REPLY in self.tools() and hasattr(Action, "REPLY_STREAM"),
        }


def _check(argument: str, given: object, allowed: Collection[str]) -> None:
    if given not in allowed:
        raise ConfigError(f"{argument} has {given!r}: use {', '.join(allowed)}")
