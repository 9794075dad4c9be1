"""How the outside runner keeps to its conversation."""

from __future__ import annotations

from pathlib import Path

from langbot_state_ext.testing import RunnerHarness
from testkit.fake_services import FakeAgent

PLUGIN = Path(__file__).parents[1]


def test_each_conversation_goes_on(runner_harness: type[RunnerHarness]) -> None:
    with FakeAgent() as agent:
        harness = runner_harness(PLUGIN, config={"url": agent.url})
        assert harness.say("hello") == "conversation-1, turn 1: hello"
        assert harness.say("hello", group="g1") == "conversation-2, turn 1: hello"
        harness.restart()
        assert harness.say("again") == "conversation-1, turn 2: again"
        assert harness.say("me, too", sender="bob", group="g1").startswith("conversation-2, turn 2")
    assert harness.state("conversation") == {
        "external.conversation_id": "conversation-1",
        "memory.turns": 2,
    }


def test_a_new_conversation_begins_anew(runner_harness: type[RunnerHarness]) -> None:
    with FakeAgent() as agent:
        harness = runner_harness(PLUGIN, config={"url": agent.url})
        harness.say("hello")
        harness.new_conversation()
        assert harness.say("hello") == "conversation-2, turn 1: hello"


def test_a_conversation_that_the_agent_lost_begins_anew(
    runner_harness: type[RunnerHarness],
) -> None:
    with FakeAgent() as agent:
        harness = runner_harness(PLUGIN, config={"url": agent.url})
        harness.say("hello")
        agent.forget()
        assert harness.say("again").error == "Conversation Not Exists"
        assert harness.say("again") == "conversation-2, turn 1: again"


def test_an_agent_that_is_away_fails_the_run(runner_harness: type[RunnerHarness]) -> None:
    with FakeAgent() as agent:
        url = agent.url
    reply = runner_harness(PLUGIN, config={"url": url}).say("hello")
    assert (reply.status, reply) == ("failed", "")
