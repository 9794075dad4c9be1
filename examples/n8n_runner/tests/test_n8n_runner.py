"""How the n8n runner keeps to its session."""

from __future__ import annotations

from pathlib import Path

from langbot_state_ext.testing import RunnerHarness
from testkit.fake_services import FakeN8n

PLUGIN = Path(__file__).parents[1]


def test_each_conversation_has_its_session(runner_harness: type[RunnerHarness]) -> None:
    with FakeN8n() as n8n:
        harness = runner_harness(PLUGIN, config={"webhook-url": n8n.url})
        assert harness.say("hello") == "session 1: hello"
        assert harness.say("hello", group="g1") == "session 2: hello"
        harness.restart()
        assert harness.say("again") == "session 1: again"
    first, _, again = n8n.asked
    assert first["session_id"].startswith("n8n_session_")
    assert first["conversation_id"].startswith("n8n_conversation_")
    assert {**first, "chatInput": "again"} == again


def test_a_session_that_failed_at_once_is_not_kept(runner_harness: type[RunnerHarness]) -> None:
    with FakeN8n() as n8n:
        harness = runner_harness(PLUGIN, config={"webhook-url": n8n.url})
        assert "500" in str(harness.say("break").error)
        assert harness.say("hush").error == "n8n: no response"
        assert harness.state("conversation") == {}
