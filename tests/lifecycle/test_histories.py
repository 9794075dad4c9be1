"""Conversations through long histories, beside a plain model that says what must come of them.

Two people talk to two runners of one bot. Their messages overlap, and their runs write, complete,
fail, time out, and say that the far side has lost the conversation; time passes, the clock jumps,
LangBot restarts, and an operator resets.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from langbot_state_ext import Run, RunLifecycle, StateStore
from langbot_state_ext.lifecycle.conversation_rules import (
    Synced,
    stable_conversation_id,
    uuid_on_resume,
)
from langbot_state_ext.lifecycle.run import OnFailedRun
from langbot_state_ext.state.external_id import uuid_after
from langbot_state_ext.testing import SimpleActor, SimpleBinding, SimpleDescriptor, SimpleEvent
from langbot_state_ext.testing.contract import Clock

PEOPLE = ("alice", "bob")
RUNNERS = ("plugin:example/echo/default", "plugin:example/other/default")
CHATS = [(RUNNERS[0], "alice")] * 3 + [(RUNNERS[0], "bob"), (RUNNERS[1], "alice")]
"""Who talks to which runner: most often the same, so that runs overlap."""

VALUES = ("ext-1", "ext-2", "ext-3", "", None, 5)
SCOPES = ("conversation", "actor", "runner")
EXTERNAL = "external.conversation_id"
EXPIRE_AFTER_S = 100.0
BASE = ""
"""Whose values are there whatever run fails."""

Place = tuple[str, ...]
"""Whose state: the scope, the runner, and the person where the scope has one."""


def place_of(scope: str, runner: str, person: str) -> Place:
    return (scope, runner) if scope == "runner" else (scope, runner, person)


@dataclass
class LiveRun:
    """A run under way, and the external ids that it has seen."""

    run_id: str
    runner: str
    person: str
    known: list[Any]


@dataclass
class Chat:
    """What LangBot has in memory of a person's chat.

    Attributes:
        uuid: The conversation's uuid.
        own: A uuid of LangBot's own that the extension has taken the place of.
        is_ours: Whether the uuid is one that the extension gave it.
        seen: When this process saw the last message, by a clock that does not jump.
    """

    uuid: str | None = None
    own: str | None = None
    is_ours: bool = False
    seen: float | None = None


@dataclass
class Reference:
    """What must come of a history, by the plainest rules.

    Each key has its writes, the oldest first, each with the run that made it; the last one counts.
    """

    writes: dict[Place, dict[str, list[tuple[str, Any]]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    active: dict[Place, float] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=lambda: defaultdict(Chat))

    def state(self, place: Place) -> dict[str, Any]:
        return {key: writes[-1][1] for key, writes in self.writes[place].items() if writes}

    def write(self, run: LiveRun, scope: str, key: str, value: Any) -> None:
        place = place_of(scope, run.runner, run.person)
        self.writes[place].setdefault(key, []).append((run.run_id, value))
        if (scope, key) == ("conversation", EXTERNAL):
            run.known.append(value)
            self._give_uuid(self.chats[run.person], value)

    def message(self, runner: str, person: str, *, now: float, steady: float) -> None:
        """Expire by both clocks, where both know; then the uuid is what the state says."""
        place, chat = place_of("conversation", runner, person), self.chats[person]
        idle = [now - self.active[place]] if place in self.active else []
        idle += [steady - chat.seen] if chat.seen is not None else []
        if idle and all(s > EXPIRE_AFTER_S for s in idle):
            self.writes.pop(place, None)
        self.resume(runner, person)

    def resume(self, runner: str, person: str) -> None:
        chat = self.chats[person]
        external_id = self.state(place_of("conversation", runner, person)).get(EXTERNAL)
        if chat.uuid is not None and not chat.is_ours:
            return
        if external_id is None:
            chat.uuid, chat.is_ours = chat.own, False
        else:
            self._give_uuid(chat, external_id)

    def end(self, run: LiveRun, *, failed: bool, gone: bool, roll_back: bool) -> None:
        if not failed:
            return
        if roll_back:
            self.take_back(run)
        place = place_of("conversation", run.runner, run.person)
        external_id = self.state(place).get(EXTERNAL)
        if gone and (EXTERNAL not in self.state(place) or external_id in run.known):
            for key in [key for key in self.writes[place] if key.startswith("external.")]:
                del self.writes[place][key]
        self.resume(run.runner, run.person)

    def take_back(self, run: LiveRun) -> None:
        for keys in self.writes.values():
            for key in keys:
                keys[key] = [write for write in keys[key] if write[0] != run.run_id]

    @staticmethod
    def _give_uuid(chat: Chat, value: Any) -> None:
        if value is not None and (not isinstance(value, str) or value in {"", chat.uuid}):
            return
        if chat.uuid is not None and not chat.is_ours:
            chat.own = chat.uuid
        chat.uuid, chat.is_ours = value, True


class Histories(RuleBasedStateMachine):
    """Drives the life cycle as a host does, and compares it with the reference."""

    on_failed_run: OnFailedRun = "keep"

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.steady = 0.0
        self.store = StateStore()
        self.loop = asyncio.Runner()
        self.reference = Reference()
        self.uuids: dict[str, tuple[str | None, Synced | None]] = {}
        self.seen: dict[str, float] = {}
        self.runs: list[LiveRun] = []
        self.count = 0
        self.lifecycle = self._lifecycle()

    def _lifecycle(self) -> RunLifecycle:
        return RunLifecycle(self.store, on_failed_run=self.on_failed_run, clock=self.clock)

    def drive(self, work: Any) -> Any:
        return self.loop.run(work)

    def teardown(self) -> None:
        self.loop.close()

    def binding_of(self, runner: str, person: str) -> tuple[Any, Any, Any]:
        event = SimpleEvent(conversation_id=f"person_{person}", actor=SimpleActor(person))
        return event, SimpleBinding(), SimpleDescriptor(runner)

    @rule(
        chat=st.sampled_from(CHATS),
        after_s=st.sampled_from([0, 1, 60, 99, 101, 1000]),
        jump_s=st.sampled_from([0, 0, 0, -1000, -1, 1, 1000]),
        expires=st.sampled_from([True, True, True, False]),
        value=st.sampled_from(VALUES),
        status=st.sampled_from(["under way", "completed", "failed"]),
    )
    def turn(
        self,
        chat: tuple[str, str],
        after_s: float,
        jump_s: float,
        expires: bool,
        value: Any,
        status: str,
    ) -> None:
        """Answer a message with an external id; the run may stay under way."""
        self.clock.now += jump_s
        self.message(*chat, after_s, expires)
        self._update(self.runs[-1], "conversation", EXTERNAL, value)
        if status != "under way":
            self._end(self.runs[-1], status, gone=False)

    @rule(
        chat=st.sampled_from(CHATS),
        after_s=st.sampled_from([0, 1, 101]),
    )
    def silent_message(self, chat: tuple[str, str], after_s: float) -> None:
        self.message(*chat, after_s, True)

    def message(self, runner: str, person: str, after_s: float, expires: bool) -> None:
        self.clock.now += after_s
        self.steady += after_s
        seen, self.seen[person] = self.seen.get(person), self.steady
        resumed = self.drive(
            self.lifecycle.before_message(
                *self.binding_of(runner, person),
                expire_after_s=EXPIRE_AFTER_S if expires else 0,
                idle_s=None if seen is None else self.steady - seen,
            )
        )
        self._follow(person, resumed.external_id)
        self._expect_message(person, runner, expires)
        self.count += 1
        run = Run(f"run-{self.count}", *self.binding_of(runner, person))
        snapshot = self.drive(self.lifecycle.before_run(run))
        known = [snapshot["conversation"].get(EXTERNAL)]
        self.runs.append(LiveRun(run.run_id, runner, person, known))

    def _expect_message(self, person: str, runner: str, expires: bool) -> None:
        place = place_of("conversation", runner, person)
        busy = any((run.runner, run.person) == (runner, person) for run in self.runs)
        if expires and not busy:
            now = self.clock.now
            self.reference.message(runner, person, now=now, steady=self.steady)
        else:
            self.reference.resume(runner, person)
        if expires:
            self.reference.active[place] = self.clock.now
        self.reference.chats[person].seen = self.steady

    def _follow(self, person: str, external_id: Any) -> None:
        uuid, synced = self.uuids.get(person, (None, None))
        self._set(person, uuid_on_resume(external_id, uuid, synced))

    def _set(self, person: str, uuid: str | None) -> None:
        current, synced = self.uuids.get(person, (None, None))
        self.uuids[person] = (uuid, Synced.after(synced, current, uuid))

    @precondition(lambda self: self.runs)
    @rule(
        data=st.data(),
        scope=st.sampled_from(["conversation", "conversation", *SCOPES]),
        key=st.sampled_from([EXTERNAL, EXTERNAL, "external.parent", "memory.x"]),
        value=st.sampled_from(VALUES),
    )
    def update(self, data: st.DataObject, scope: str, key: str, value: Any) -> None:
        self._update(data.draw(st.sampled_from(self.runs)), scope, key, value)

    def _update(self, run: LiveRun, scope: str, key: str, value: Any) -> None:
        assert self.drive(self.lifecycle.update(run.run_id, scope, key, value)).kept
        if (scope, key) == ("conversation", EXTERNAL):
            self._set(run.person, uuid_after(value, self.uuids[run.person][0]))
        self.reference.write(run, scope, key, value)

    @precondition(lambda self: self.runs)
    @rule(
        data=st.data(),
        status=st.sampled_from(["completed", "failed", "cancelled", "timeout"]),
        gone=st.booleans(),
    )
    def end(self, data: st.DataObject, status: str, gone: bool) -> None:
        self._end(data.draw(st.sampled_from(self.runs)), status, gone)

    def _end(self, run: LiveRun, status: str, gone: bool) -> None:
        self.runs.remove(run)
        key = self.lifecycle.conversation_of(run.run_id)
        reason = "404 Conversation Not Exists." if gone else "some other fault"
        self.drive(self.lifecycle.after_run(run.run_id, status, reason))
        failed = status != "completed"
        if failed:
            assert key is not None
            self._follow(run.person, self.drive(self.lifecycle.external_id(key)))
        roll_back = self.on_failed_run == "rollback"
        self.reference.end(run, failed=failed, gone=gone, roll_back=roll_back)
        place = place_of("conversation", run.runner, run.person)
        if place in self.reference.active:
            self.reference.active[place] = self.clock.now

    @rule(person=st.sampled_from(PEOPLE))
    def reset(self, person: str) -> None:
        """LangBot refuses it while a run of the chat is under way."""
        if any(run.person == person for run in self.runs):
            return
        for runner in RUNNERS:
            self.drive(
                self.store.clear_scope_from_event("conversation", *self.binding_of(runner, person))
            )
            self.reference.writes.pop(place_of("conversation", runner, person), None)
        for per_chat in (self.uuids, self.seen, self.reference.chats):
            per_chat.pop(person, None)

    @rule(person=st.sampled_from(PEOPLE), uuid=st.sampled_from(["langbots", None]))
    def langbot_sets_the_uuid(self, person: str, uuid: str | None) -> None:
        _, synced = self.uuids.get(person, (None, None))
        self.uuids[person] = (uuid, synced)
        chat = self.reference.chats[person]
        chat.uuid, chat.is_ours = uuid, False

    @rule()
    def restart(self) -> None:
        self.lifecycle = self._lifecycle()
        died = self.drive(self.lifecycle.undo_unfinished())
        if self.on_failed_run == "rollback":
            for run in self.runs:
                self.reference.take_back(run)
            assert died <= len(self.runs)
        self.runs.clear()
        for per_process in (self.uuids, self.seen, self.reference.chats):
            per_process.clear()

    @invariant()
    def the_state_is_as_it_must_be(self) -> None:
        for runner in RUNNERS:
            for person in PEOPLE:
                snapshot = self.drive(
                    self.store.build_snapshot_from_event(*self.binding_of(runner, person))
                )
                expected = {
                    scope: self.reference.state(place_of(scope, runner, person)) for scope in SCOPES
                }
                expected["conversation"] = {EXTERNAL: f"person_{person}"} | expected["conversation"]
                assert snapshot == expected | {"subject": {}}

    @invariant()
    def the_uuid_is_as_it_must_be(self) -> None:
        for person in PEOPLE:
            uuid, synced = self.uuids.get(person, (None, None))
            chat, launcher = self.reference.chats[person], f"person_{person}"
            assert uuid == chat.uuid
            derived = stable_conversation_id(uuid or launcher, synced, uuid, launcher)
            own = chat.own if chat.is_ours else uuid
            assert derived == (own if uuid and own else launcher)


class RollbackHistories(Histories):
    """The same, where what a failed run has written is undone."""

    on_failed_run = "rollback"


HISTORIES = settings(max_examples=200, stateful_step_count=50, deadline=None)
TestHistories = Histories.TestCase
TestHistories.settings = HISTORIES
TestRollbackHistories = RollbackHistories.TestCase
TestRollbackHistories.settings = HISTORIES
