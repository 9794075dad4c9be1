"""`harness.report()` shows the conversation and the state."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from langbot_state_ext.runner import Key, StateModel
from langbot_state_ext.testing import RunnerHarness

from .talker import Talker


def test_the_report_shows_everything(harness: RunnerHarness) -> None:
    harness.say("set:actor=p.a=1 log:careful say:hello", group="g1")
    harness.say("fail:no")
    harness.begin("say:later", sender="bob")
    assert harness.report().splitlines() == [
        "The conversation:",
        "  1. alice in g1: set:actor=p.a=1 log:careful say:hello",
        '       actor p.a = "1"',
        "       log warning: careful",
        "     -> hello",
        "  2. alice: fail:no",
        "     -> failed: no",
        "  3. bob: say:later",
        "     -> under way",
        "The state:",
        "  actor of alice",
        '    p.a = "1"',
    ]


def test_the_report_shows_state_that_members_of_a_group_share_once() -> None:
    everywhere = "set:actor=p.a=1 set:conversation=p.c=2 set:subject=p.s=3 set:runner=p.r=4"
    with RunnerHarness(Talker) as harness:
        for sender in ("alice", "bob", "carol"):
            harness.say(everywhere, sender=sender, group="g1")
        assert state_in_report(harness) == [
            "conversation of group g1",
            "actor of alice",
            "subject of group g1",
            "runner",
            "actor of bob",
            "actor of carol",
        ]


@pytest.mark.parametrize("processor", ["pipeline", "agent"])
def test_the_report_shows_a_person_of_several_chats_once(processor: Any) -> None:
    everywhere = "set:actor=p.a=1 set:conversation=p.c=2 set:subject=p.s=3"
    with RunnerHarness(Talker, processor=processor) as harness:
        harness.say(everywhere)
        harness.say(everywhere)
        harness.say(everywhere, group="alice")
        assert state_in_report(harness) == [
            "conversation of alice",
            "actor of alice",
            "subject of alice",
            "conversation of group alice",
            "subject of group alice",
        ]
        harness.close()
        assert len(state_in_report(harness)) == 5


def state_in_report(harness: RunnerHarness) -> list[str]:
    """Return the headings of the state in a report."""
    _, _, state = harness.report().partition("The state:\n")
    return [line.strip() for line in state.splitlines() if not line.startswith("    ")]


def test_a_runners_own_key_last_activity_is_shown() -> None:
    class Activity(StateModel, scope="conversation"):
        last: Annotated[str, Key("last_activity")] = "never"

    with RunnerHarness(Talker, expire_time=60) as harness:
        harness.say("set:conversation=last_activity=today")
        assert harness.state("conversation") == {"last_activity": "today"}
        assert harness.state(Activity) == Activity(last="today")
        assert harness.report().endswith(
            'The state:\n  conversation of alice\n    last_activity = "today"'
        )


def test_the_report_of_an_unused_harness() -> None:
    with RunnerHarness(Talker) as harness:
        assert harness.report() == "The conversation:\nThe state:\n  nothing"
