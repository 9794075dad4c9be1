"""One run of `RunLifecycle`, and the state of its scopes."""

from __future__ import annotations

from typing import Any

from langbot_state_ext import (
    VALID_STATE_SCOPES,
    Run,
    ScopeFilter,
    StateStore,
    key_from_event,
)
from langbot_state_ext.state.policy import BOOKKEEPING_RUNNER
from langbot_state_ext.testing import (
    SimpleBinding,
    SimpleDescriptor,
    SimpleEvent,
)

RUNNER = SimpleDescriptor()
BINDING = SimpleBinding()


def run(run_id: str = "run-1", event: SimpleEvent | None = None) -> Run:
    return Run(run_id, event or SimpleEvent(), BINDING, RUNNER)


def key_of(scope: str) -> Any:
    return key_from_event(scope, SimpleEvent(), BINDING, RUNNER)


async def state(store: StateStore) -> dict[str, dict[str, Any]]:
    return await store.read(key_of(scope) for scope in VALID_STATE_SCOPES)


async def fill(store: StateStore) -> dict[str, dict[str, Any]]:
    for key, value in (("kept", 1), ("gone", [1]), ("external.conversation_id", "ext-1")):
        await store.apply(key_of("conversation"), key, value, run_id="run-0", ttl_s=1000)
    return await state(store)


async def bookkeeping(store: StateStore) -> list[Any]:
    return (
        await store.backend.scopes(ScopeFilter(parts={"runner_id": BOOKKEEPING_RUNNER}), None, 9)
    ).scopes
