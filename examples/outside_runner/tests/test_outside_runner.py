"""Each chat has one conversation with the outside agent; one that it lost begins anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer, RequestHandler

from langbot_state_ext.testing import RunnerHarness

PLUGIN = Path(__file__).parents[1]


@pytest.fixture
def harness(runner_harness: type[RunnerHarness], httpserver: HTTPServer) -> RunnerHarness:
    return runner_harness(PLUGIN, config={"url": httpserver.url_for("/")})


def expect(httpserver: HTTPServer, conversation_id: str | None) -> RequestHandler:
    """Expect one message in a conversation, or in a new one."""
    body = {"text": "hello", "conversation_id": conversation_id}
    return httpserver.expect_ordered_request("/", "POST", json=body)


def answer(conversation_id: str) -> dict[str, str]:
    return {"conversation_id": conversation_id, "text": f"hello from {conversation_id}"}


def test_each_chat_has_its_own_conversation(harness: RunnerHarness, httpserver: HTTPServer) -> None:
    for asked, answered in ((None, "c1"), (None, "c2"), ("c1", "c1"), ("c2", "c2")):
        expect(httpserver, asked).respond_with_json(answer(answered))
    assert harness.say("hello") == "hello from c1"
    assert harness.say("hello", group="g1") == "hello from c2"
    harness.restart()
    assert harness.say("hello") == "hello from c1"
    assert harness.say("hello", sender="bob", group="g1") == "hello from c2"
    state = harness.state("conversation")
    assert state == {"external.conversation_id": "c1", "memory.turns": 2}
    httpserver.check()


def test_after_a_reset_a_new_conversation_begins(
    harness: RunnerHarness, httpserver: HTTPServer
) -> None:
    expect(httpserver, None).respond_with_json(answer("c1"))
    expect(httpserver, None).respond_with_json(answer("c2"))
    harness.say("hello")
    harness.new_conversation()
    assert harness.say("hello") == "hello from c2"
    httpserver.check()


def test_after_the_agent_lost_a_conversation_a_new_one_begins(
    harness: RunnerHarness, httpserver: HTTPServer
) -> None:
    expect(httpserver, None).respond_with_json(answer("c1"))
    expect(httpserver, "c1").respond_with_data(status=404)
    expect(httpserver, None).respond_with_json(answer("c2"))
    harness.say("hello")
    assert harness.say("hello").error == "Conversation Not Exists"
    assert harness.say("hello") == "hello from c2"
    httpserver.check()


def test_an_agent_that_is_down_fails_the_run(
    harness: RunnerHarness, httpserver: HTTPServer
) -> None:
    expect(httpserver, None).respond_with_data(status=503)
    reply = harness.say("hello")
    assert (reply.status, reply) == ("failed", "")
    assert harness.state("conversation") == {}
