"""The State API: what LangBot answers to `ctx.state_get`, `ctx.state_set` and the others.

Source:
    LangBot 4.11.2, langbot/pkg/plugin/agent_state_actions.py and agent_run_support.py; what
    `langbot_state_ext.host.adapter` answers in place of LangBot's own store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langbot_plugin.entities.io.actions.enums import PluginToRuntimeAction as Action
from langbot_plugin.entities.io.errors import ActionCallError

from ...errors import StateError
from ...lifecycle.run import Run
from ...state.policy import refusal_message
from ...state.scopes import ScopeKey, key_from_event
from .run_driver import RunDriver

StateCall = Callable[[RunDriver, ScopeKey, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Answers one call of the State API: takes the run, whose state, and the call's data."""


async def answer_state_call(action: str, run: RunDriver, data: dict[str, Any]) -> dict[str, Any]:
    """Answer a call of the State API.

    Args:
        action: One of `STATE_CALLS`.
        run: The run that calls.
        data: The call's data.

    Raises:
        ActionCallError: It is refused; the message is LangBot's, with the reason.
    """
    scope = _scope_key(run.run, data.get("scope", ""))
    if action != Action.STATE_LIST.value and not data.get("key"):
        raise ActionCallError("key is required")
    try:
        return await STATE_CALLS[action](run, scope, data)
    except StateError as error:
        raise ActionCallError(f"{action.replace('_', ' ').capitalize()} error: {error}") from None


async def _get(run: RunDriver, scope: ScopeKey, data: dict[str, Any]) -> dict[str, Any]:
    return {"value": await run.lifecycle.store.get(scope, data["key"])}


async def _set(run: RunDriver, scope: ScopeKey, data: dict[str, Any]) -> dict[str, Any]:
    key, value = data["key"], data.get("value")
    outcome = await run.lifecycle.state_set(run.run.run_id, scope, key, value)
    run.record_update(outcome, value)
    if outcome.refusal is not None:
        raise ActionCallError(refusal_message(scope.scope, key, outcome.refusal))
    return {"success": True}


async def _delete(run: RunDriver, scope: ScopeKey, data: dict[str, Any]) -> dict[str, Any]:
    return {"success": await run.lifecycle.state_delete(run.run.run_id, scope, data["key"])}


async def _list(run: RunDriver, scope: ScopeKey, data: dict[str, Any]) -> dict[str, Any]:
    keys, has_more = await run.lifecycle.state_list(scope, data.get("prefix"), data.get("limit"))
    return {"keys": keys, "has_more": has_more}


STATE_CALLS: Mapping[str, StateCall] = {
    Action.STATE_GET.value: _get,
    Action.STATE_SET.value: _set,
    Action.STATE_DELETE.value: _delete,
    Action.STATE_LIST.value: _list,
}


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
