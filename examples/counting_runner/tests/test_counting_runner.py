"""What the counting runner keeps in each scope."""

from __future__ import annotations

from pathlib import Path

from langbot_state_ext.testing import RunnerHarness

PLUGIN = Path(__file__).parents[1]


def test_it_counts_the_turns_of_each_conversation_and_of_all(
    runner_harness: type[RunnerHarness],
) -> None:
    harness = runner_harness(PLUGIN)
    assert harness.say("hi", sender="alice") == "Hello stranger, this is turn 1 here, and 1 in all."
    assert harness.say("hi", sender="bob") == "Hello stranger, this is turn 1 here, and 2 in all."
    harness.restart()
    assert "this is turn 2 here, and 3 in all" in harness.say("hi", sender="alice")


def test_it_knows_a_person_in_every_chat(runner_harness: type[RunnerHarness]) -> None:
    harness = runner_harness(PLUGIN)
    harness.say("call me Al", sender="alice")
    assert "Hello Al" in harness.say("hi", sender="alice", group="g1")
    assert "Hello stranger" in harness.say("hi", sender="bob", group="g1")


def test_a_group_has_one_topic(runner_harness: type[RunnerHarness]) -> None:
    harness = runner_harness(PLUGIN)
    harness.say("topic: tea", sender="alice", group="g1")
    assert "Our topic is tea." in harness.say("hi", sender="bob", group="g1")
    assert "topic" not in harness.say("hi", sender="alice", group="g2")


def test_it_keeps_the_id_of_an_outside_conversation(runner_harness: type[RunnerHarness]) -> None:
    harness = runner_harness(PLUGIN)
    harness.say("session: abc")
    state = harness.state("conversation")
    assert state == {"memory.turns": 1, "external.conversation_id": "abc"}
