"""The rules of a conversation's life, each by itself and all together through long histories."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from langbot_state_ext import Run, RunLifecycle, RunnerScopedStateStore, StateStore
from langbot_state_ext.conversation import (
    DEFAULT_FORGET_ON,
    Synced,
    fault_of_forget_on,
    is_dead,
    is_expired,
    stable_conversation_id,
    uuid_after,
    uuid_on_resume,
)
from langbot_state_ext.testing import SimpleBinding, SimpleDescriptor, SimpleEvent
from langbot_state_ext.testing.contract import Clock

OURS = Synced(frozenset({"ext-1", "ext-2"}), None)


@pytest.mark.parametrize(
    ("value", "current", "uuid"),
    [("x", None, "x"), ("x", "y", "x"), (None, "y", None), ("", "y", "y"), (7, "y", "y"),
     ({"a": 1}, None, None)],
)  # fmt: skip
def test_an_accepted_external_id_sets_the_uuid(value: Any, current: Any, uuid: Any) -> None:
    assert uuid_after(value, current) == uuid


@pytest.mark.parametrize(
    ("external_id", "current", "synced", "uuid"),
    [
        ("ext-1", None, None, "ext-1"),  # a session that LangBot has just made
        (None, None, None, None),
        (5, None, None, None),
        (5, "ext-1", OURS, "ext-1"),
        ("", None, None, None),
        ("ext-1", "langbots", None, "langbots"),
        ("ext-1", "langbots", OURS, "langbots"),
        ("ext-2", "ext-1", OURS, "ext-2"),  # changed elsewhere
        (None, "ext-1", OURS, None),  # expired, reset or forgotten
        (None, "ext-1", Synced(frozenset({"ext-1"}), "before"), "before"),
    ],
)
def test_the_uuid_follows_the_state(
    external_id: Any, current: Any, synced: Synced | None, uuid: Any
) -> None:
    assert uuid_on_resume(external_id, current, synced) == uuid


@pytest.mark.parametrize(
    ("derived", "synced", "variable", "stable"),
    [
        ("person_a", None, None, "person_a"),
        ("langbots", OURS, None, "langbots"),
        ("ext-1", OURS, "ext-1", "person_a"),
        ("ext-1", OURS, "ext-2", "person_a"),
        ("ext-1", OURS, "listeners", "listeners"),
        ("ext-1", Synced(frozenset({"ext-1"}), "before"), "listeners", "before"),
        (None, OURS, None, None),
    ],
)
def test_a_uuid_of_ours_never_becomes_the_key(
    derived: Any, synced: Synced | None, variable: Any, stable: Any
) -> None:
    assert stable_conversation_id(derived, synced, variable, "person_a") == stable


def test_what_was_synced_is_remembered() -> None:
    synced = Synced.after(None, "langbots", "ext-1")
    assert synced == Synced(frozenset({"ext-1"}), "langbots")
    synced = Synced.after(synced, "ext-1", None)
    assert synced == Synced(frozenset({"ext-1"}), "langbots")
    assert Synced.after(synced, None, "ext-2").uuids == {"ext-1", "ext-2"}


@pytest.mark.parametrize(
    ("last", "idle_s", "expire_after_s", "expired"),
    [
        (880.0, None, 100, True),
        (900.0, None, 100, False),  # not more than
        (880, None, 0, False),
        (880, None, -5, False),
        (None, None, 100, False),
        ("yesterday", None, 100, False),
        (None, 120.0, 100, True),
        (880.0, 5.0, 100, False),  # the clock was set forward
        (5000.0, None, 100, False),  # the clock was set back
        (5000.0, 120.0, 100, False),
        (999.0, 120.0, 100, False),  # another machine has seen a message
    ],
)
def test_when_a_conversation_has_expired(
    last: Any, idle_s: float | None, expire_after_s: float, expired: bool
) -> None:
    assert is_expired(1000.0, last, idle_s, expire_after_s) == expired


@pytest.mark.parametrize(
    ("reason", "dead"),
    [
        ('404 {"code":"not_found","message":"Conversation Not Exists.","status":404}', True),
        ('Coze error: {"code": 4002, "msg": "invalid conversation"}', True),
        ("Workflow operation failure: conversation not found", True),
        ("Conversation quota exceeded", False),
        ("Coze API returned no response", False),
        ("", False),
        (None, False),
    ],
)
def test_how_the_far_side_says_that_a_conversation_is_gone(reason: Any, dead: bool) -> None:
    assert is_dead(reason, DEFAULT_FORGET_ON) == dead
    assert not is_dead(reason, [])


def test_a_pattern_is_searched_for_and_a_text_is_literal() -> None:
    assert is_dead("Session 17 has ended", ["re:session \\d+ has"])
    assert not is_dead("aXb", ["a.b"])
    assert is_dead("A.B", ["a.b"])


@pytest.mark.parametrize("entry", ["re:(", "re:", "", "  ", "re: "])
def test_an_entry_that_is_no_text_or_pattern_has_a_fault(entry: str) -> None:
    assert fault_of_forget_on(entry)
    assert fault_of_forget_on("re:a+") is None


EXPIRE_AFTER_S = 100.0


@dataclass
class Reference:
    """What a plain model says of one conversation."""

    state: dict[str, Any] = field(default_factory=dict)
    last: float | None = None


class Histories(RuleBasedStateMachine):
    """Sessions through messages, updates, failures, expiries, resets and restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.store = StateStore()
        self.driver = RunnerScopedStateStore(self.store)
        self.lifecycle = self._lifecycle()
        self.reference = {name: Reference() for name in ("alice", "bob")}
        self.uuids: dict[str, tuple[str | None, Synced | None]] = {}
        self.runs: list[tuple[str, str]] = []
        self.count = 0

    def _lifecycle(self) -> RunLifecycle:
        return RunLifecycle(self.store, clock=self.clock)

    def drive(self, work: Any) -> Any:
        return self.driver._drive(work)

    def event(self, name: str) -> SimpleEvent:
        return SimpleEvent(conversation_id=f"person_{name}")

    @rule(name=st.sampled_from(["alice", "bob"]), after_s=st.sampled_from([0, 1, 99, 101, 1000]))
    def message(self, name: str, after_s: float) -> None:
        self.clock.now += after_s
        expected = self.reference[name]
        busy = any(who == name for _, who in self.runs)
        idle = 0.0 if busy or expected.last is None else self.clock.now - expected.last
        if idle > EXPIRE_AFTER_S:
            expected.state = {}
        expected.last = self.clock.now
        event, binding, runner = self.event(name), SimpleBinding(), SimpleDescriptor()
        external = self.drive(
            self.lifecycle.resume(event, binding, runner, expire_after_s=EXPIRE_AFTER_S)
        )
        uuid, synced = self.uuids.get(name, (None, None))
        self._set(name, uuid_on_resume(external, uuid, synced))
        self.count += 1
        run = Run(f"run-{self.count}", event, binding, runner)
        snapshot = self.drive(self.lifecycle.before_run(run))
        seeded = {"external.conversation_id": f"person_{name}"} | expected.state
        assert snapshot["conversation"] == seeded
        assert snapshot["actor"] == {}
        self.runs.append((run.run_id, name))

    def _set(self, name: str, uuid: str | None) -> None:
        current, synced = self.uuids.get(name, (None, None))
        self.uuids[name] = (uuid, Synced.after(synced, current, uuid))

    @precondition(lambda self: self.runs)
    @rule(
        data=st.data(),
        key=st.sampled_from(["external.conversation_id", "external.parent", "memory.x"]),
        value=st.sampled_from(["ext-1", "ext-2", None, 5]),
    )
    def update(self, data: st.DataObject, key: str, value: Any) -> None:
        run_id, name = data.draw(st.sampled_from(self.runs))
        update = {"scope": "conversation", "key": key, "value": value}
        result = {"type": "state.updated", "data": update}
        outcome = self.drive(self.lifecycle.on_result(run_id, result))
        assert outcome.kept
        self.reference[name].state[key] = value
        if key == "external.conversation_id":
            self._set(name, uuid_after(value, self.uuids[name][0]))

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), status=st.sampled_from(["completed", "failed", "cancelled", "timeout"]))
    def end(self, data: st.DataObject, status: str) -> None:
        run_id, name = data.draw(st.sampled_from(self.runs))
        self.runs.remove((run_id, name))
        self.drive(self.lifecycle.after_run(run_id, status, "some other fault"))
        if self.reference[name].last is not None:
            self.reference[name].last = self.clock.now

    @precondition(lambda self: len(self.runs) == 1)
    @rule()
    def fail_since_the_conversation_is_gone(self) -> None:
        ((run_id, name),) = self.runs
        self.runs.clear()
        self.drive(self.lifecycle.after_run(run_id, "failed", "404 Conversation Not Exists."))
        expected = self.reference[name]
        expected.state = {k: v for k, v in expected.state.items() if k[:9] != "external."}
        if expected.last is not None:
            expected.last = self.clock.now

    @precondition(lambda self: not self.runs)
    @rule(name=st.sampled_from(["alice", "bob"]))
    def reset(self, name: str) -> None:
        event, binding, runner = self.event(name), SimpleBinding(), SimpleDescriptor()
        self.drive(self.store.clear_scope_from_event("conversation", event, binding, runner))
        self.reference[name] = Reference()
        self.uuids.pop(name, None)

    @rule()
    def restart(self) -> None:
        self.lifecycle = self._lifecycle()
        self.runs.clear()
        self.uuids.clear()

    @rule(seconds=st.sampled_from([-1000, -1, 1]))
    def step_the_clock(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def no_uuid_of_ours_is_a_key(self) -> None:
        for name, (uuid, synced) in self.uuids.items():
            assert stable_conversation_id(
                uuid or f"person_{name}", synced, uuid, f"person_{name}"
            ) == f"person_{name}"  # fmt: skip

    @invariant()
    def the_uuid_is_the_external_id(self) -> None:
        for name, (uuid, _) in self.uuids.items():
            external = self.reference[name].state.get("external.conversation_id")
            if uuid is not None and isinstance(external, str):
                assert uuid == external


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
