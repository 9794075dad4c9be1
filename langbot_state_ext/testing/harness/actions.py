"""The far end of the SDK's calls: what LangBot answers to `ctx.state_get` and the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from langbot_plugin.entities.io.actions.enums import PluginToRuntimeAction as Action
from langbot_plugin.entities.io.errors import ActionCallError

from ...errors import StateError
from ...lifecycle.lifecycle import STATE_API_KEYS
from ...lifecycle.run import Outcome, Run
from ...state.policy import shown_key
from ...state.scopes import ScopeKey, key_from_event
from ...store.store import StateStore
from .history import History

Answer = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Answers one action: takes its data, returns the answer's data; may raise ActionCallError."""


class RunUnderWay(Protocol):
    """A run that may call."""

    @property
    def run(self) -> Run:
        """The run."""

    @property
    def conversation_id(self) -> str:
        """Its conversation."""

    def raised(self, error: Exception) -> None:
        """Note where the runner raised."""

    def replied(self, text: str) -> None:
        """Note what `ctx.reply` sent."""

    async def state_set(self, scope: ScopeKey, key: str, value: Any) -> Outcome:
        """Write a value for the State API."""

    async def state_delete(self, scope: ScopeKey, key: str) -> bool:
        """Delete a value for the State API; returns whether it was there."""


class Actions:
    """Stands where the SDK expects the connection to LangBot.

    Args:
        history: What was said.
        answers: By action, such as `invoke_llm`, a function that answers it.
    """

    def __init__(self, history: History, answers: Mapping[str, Answer]) -> None:
        self.store: StateStore | None = None
        self.runs: dict[str, RunUnderWay] = {}
        self._history = history
        self._answers = answers

    def raised(self, run_id: str, error: Exception) -> None:
        """Note where a runner raised."""
        self.runs[run_id].raised(error)

    async def call_action(
        self, action: Action, data: dict[str, Any], _timeout: float | None = None
    ) -> dict[str, Any]:
        """Answer a call, through JSON as the real connection does.

        Raises:
            ActionCallError: It is refused, with LangBot's own words.
        """
        try:
            answer = await self._answer(action.value, json.loads(json.dumps(data)))
        except ActionCallError as error:  # the plugin runtime, in between, puts this before it
            raise ActionCallError(f"ActionCallError: {error}", error.data) from None
        answered: dict[str, Any] = json.loads(json.dumps(answer))
        return answered

    async def _answer(self, action: str, data: dict[str, Any]) -> Mapping[str, Any]:
        if action in self._answers:
            return self._answers[action](data)
        run = self.runs.get(data.get("run_id", ""))
        if run is None:
            raise ActionCallError(f"Run session {data.get('run_id')} not found or expired")
        if action.startswith("state_"):
            return await self._state(action, run, data)
        if action in {Action.HISTORY_PAGE.value, Action.HISTORY_SEARCH.value}:
            return self._history.answer(action, run.conversation_id, data)
        if action in {Action.CALL_TOOL.value, Action.CALL_PLATFORM_API.value}:
            return self._reply(run, data)
        raise ActionCallError(
            f"the harness has no answer to {action}: give it one, answers={{{action!r}: function}}"
        )

    def _reply(self, run: RunUnderWay, data: dict[str, Any]) -> Mapping[str, Any]:
        parameters = data.get("parameters") or data.get("params") or {}
        if data.get("tool_name", data.get("context_tool")) != "event_reply":
            raise ActionCallError("the harness has no such tool: give answers={'call_tool': ...}")
        chain = parameters.get("message", [{"type": "Plain", "text": parameters.get("text", "")}])
        text = "".join(part.get("text", "") for part in chain)
        if not text:
            raise ActionCallError(
                "Failed to execute tool event_reply: text must be a non-empty string"
            )
        run.replied(text)
        return {"result": {}}

    async def _state(self, action: str, run: RunUnderWay, data: dict[str, Any]) -> dict[str, Any]:
        """Answer the State API.

        Source:
            LangBot 4.11.2, langbot/pkg/plugin/agent_state_actions.py, and this extension's
            host/adapter.py.
        """
        scope, key = data.get("scope", ""), data.get("key", "")
        scope_key = _scope_key(run.run, scope)
        if action != Action.STATE_LIST.value and not key:
            raise ActionCallError("key is required")
        if self.store is None:
            raise ActionCallError("the harness is closed")
        try:
            return await self._state_call(self.store, action, run, scope_key, data)
        except StateError as error:
            raise ActionCallError(
                f"{action.replace('_', ' ').capitalize()} error: {error}"
            ) from None

    async def _state_call(
        self,
        store: StateStore,
        action: str,
        run: RunUnderWay,
        scope_key: ScopeKey,
        data: dict[str, Any],
    ) -> dict[str, Any]:
        key = data.get("key", "")
        if action == Action.STATE_GET.value:
            return {"value": await store.get(scope_key, key)}
        if action == Action.STATE_DELETE.value:
            return {"success": await run.state_delete(scope_key, key)}
        if action == Action.STATE_LIST.value:
            limit = data.get("limit")
            limit = limit if isinstance(limit, int) and limit > 0 else STATE_API_KEYS
            keys, more = await store.list(
                scope_key, data.get("prefix") or "", min(limit, STATE_API_KEYS)
            )
            return {"keys": keys, "has_more": more}
        outcome = await run.state_set(scope_key, key, data.get("value"))
        if not outcome.kept:
            raise ActionCallError(f"{scope_key.scope} key {shown_key(key)}: {outcome.refusal}")
        return {"success": True}


def _scope_key(run: Run, scope: str) -> ScopeKey:
    policy = run.binding.state_policy
    if not scope:
        raise ActionCallError("scope is required")
    if not policy.enable_state:
        raise ActionCallError("State access is disabled by binding policy")
    if scope not in policy.state_scopes:
        raise ActionCallError(f'Scope "{scope}" is not enabled by binding policy')
    key = key_from_event(scope, run.event, run.binding, run.descriptor)
    if key is None:
        raise ActionCallError(f'Scope key not available for scope "{scope}"')
    return key
