"""When a conversation ends: forgotten, reset or expired, also while runs are under way."""

from __future__ import annotations

from typing import Any

import pytest

from langbot_state_ext import (
    RunLifecycle,
    ScopeError,
    StateStore,
)
from langbot_state_ext.backends import Change
from langbot_state_ext.lifecycle.conversation_rules import LAST_ACTIVITY_KEY
from langbot_state_ext.testing import (
    SimpleActor,
    SimpleBinding,
    SimpleEvent,
    SimplePolicy,
)
from langbot_state_ext.testing.contract import Clock

from .runs import BINDING, RUNNER, bookkeeping, fill, key_of, run, state


async def test_a_dead_conversation_is_forgotten_unless_another_run_began_a_new_one(
    store: StateStore, lifecycle: RunLifecycle
) -> None:
    gone = "404 Conversation Not Exists."
    await fill(store)
    await store.apply(key_of("conversation"), "external.parent", 1)
    for run_id in ("old", "new", "late"):
        await lifecycle.before_run(run(run_id))
    await lifecycle.after_run("old", "completed", gone)
    assert len((await state(store))["conversation"]) == 4
    await lifecycle.update("new", "conversation", "external.conversation_id", "ext-2")
    await lifecycle.after_run("late", "failed", gone)
    assert (await state(store))["conversation"]["external.conversation_id"] == "ext-2"
    await lifecycle.after_run("new", "failed", gone)
    assert (await state(store))["conversation"] == {"kept": 1, "gone": [1]}


async def test_forgetting_gives_way_to_a_writer_in_between(
    store: StateStore, lifecycle: RunLifecycle
) -> None:
    await fill(store)
    await lifecycle.before_run(run())
    entries = store.backend.entries

    async def with_a_late_writer(scope: Any) -> Any:
        held = await entries(scope)
        await store.apply(key_of("conversation"), "external.conversation_id", "ext-2")
        return held

    store.backend.entries = with_a_late_writer  # type: ignore[method-assign]
    await lifecycle.after_run("run-1", "failed", "conversation not found")
    assert (await state(store))["conversation"]["external.conversation_id"] == "ext-2"


async def test_a_conversation_that_may_not_be_kept_is_none(lifecycle: RunLifecycle) -> None:
    off = SimpleBinding(state_policy=SimplePolicy(True, ["actor"]))
    resumed = await lifecycle.before_message(SimpleEvent(), off, RUNNER, expire_after_s=1)
    assert resumed == (None, False)
    nowhere = SimpleEvent(conversation_id="\ud800", actor=SimpleActor())
    with pytest.raises(ScopeError):
        await lifecycle.before_message(nowhere, BINDING, RUNNER, expire_after_s=1)
    assert await lifecycle.store.clear_all() == 0


async def test_activity_is_no_business_of_runners(store: StateStore) -> None:
    clock = Clock()
    lifecycle = RunLifecycle(store, clock=clock)
    await lifecycle.before_message(SimpleEvent(), BINDING, RUNNER, expire_after_s=10)
    snapshot = await lifecycle.before_run(run())
    assert snapshot["conversation"] == {}
    clock.now += 50
    await lifecycle.after_run("run-1", "completed")
    (activity,) = await bookkeeping(store)
    assert await store.get(activity.key, LAST_ACTIVITY_KEY) == clock.now
    await lifecycle.before_run(run())
    mine = await lifecycle.update("run-1", "conversation", LAST_ACTIVITY_KEY, "mine")
    assert mine is not None
    assert mine.kept
    assert (await state(store))["conversation"] == {LAST_ACTIVITY_KEY: "mine"}


async def test_a_reset_during_a_run_leaves_no_trace_of_it(store: StateStore) -> None:
    lifecycle = RunLifecycle(store)
    await lifecycle.before_message(SimpleEvent(), BINDING, RUNNER, expire_after_s=10)
    await lifecycle.before_run(run())
    await store.clear_scope_from_event("conversation", SimpleEvent(), BINDING, RUNNER)
    await lifecycle.after_run("run-1", "completed")
    assert (await state(store))["conversation"] == {}


async def test_of_two_messages_after_expiry_only_one_begins_anew(store: StateStore) -> None:
    clock = Clock()
    lifecycle = RunLifecycle(store, clock=clock)
    await lifecycle.before_message(SimpleEvent(), BINDING, RUNNER, expire_after_s=10)
    clock.now += 60
    commit, late = store.backend.commit, [True]

    async def after_another_message(changes: Any) -> None:
        if late:
            late.clear()
            await lifecycle.before_message(SimpleEvent(), BINDING, RUNNER, expire_after_s=10)
            await store.apply(key_of("conversation"), "memory.new", 1)
        await commit(changes)

    store.backend.commit = after_another_message  # type: ignore[method-assign]
    await lifecycle.before_message(SimpleEvent(), BINDING, RUNNER, expire_after_s=10)
    assert (await state(store))["conversation"]["memory.new"] == 1


async def test_a_corrupt_activity_ends_nothing(store: StateStore) -> None:
    lifecycle = RunLifecycle(store)
    await store.apply(key_of("conversation"), "k", 1)
    await lifecycle.before_message(SimpleEvent(), BINDING, RUNNER, expire_after_s=10)
    (activity,) = await bookkeeping(store)
    await store.backend.commit([Change(activity.key, LAST_ACTIVITY_KEY, b"{")])
    await lifecycle.before_message(SimpleEvent(), BINDING, RUNNER, expire_after_s=10)
    assert (await state(store))["conversation"]["k"] == 1
