"""Each chat has one Dify conversation; one that Dify lost begins anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer, RequestHandler

from langbot_state_ext.testing import RunnerHarness

PLUGIN = Path(__file__).parents[1]
KEY = "app-key"
FIRST, SECOND = "7d6a0a3e-0a53-4b4c-9a3c-1f2f9c1f6f01", "7d6a0a3e-0a53-4b4c-9a3c-1f2f9c1f6f02"


@pytest.fixture
def harness(runner_harness: type[RunnerHarness], httpserver: HTTPServer) -> RunnerHarness:
    return runner_harness(PLUGIN, config={"base-url": httpserver.url_for("/v1"), "api-key": KEY})


def expect(httpserver: HTTPServer, user: str, conversation_id: str) -> RequestHandler:
    """Expect one message from a user of Dify, in a conversation or in a new one."""
    body = {
        "inputs": {},
        "query": "hello",
        "response_mode": "blocking",
        "conversation_id": conversation_id,
        "user": user,
    }
    return httpserver.expect_ordered_request(
        "/v1/chat-messages", "POST", json=body, headers={"Authorization": f"Bearer {KEY}"}
    )


def test_a_group_is_one_conversation_and_one_user(
    harness: RunnerHarness, httpserver: HTTPServer
) -> None:
    for number, conversation_id in enumerate(("", FIRST, FIRST)):
        answer = {"conversation_id": FIRST, "answer": f"answer {number}"}
        expect(httpserver, "group_g1", conversation_id).respond_with_json(answer)
    for number, sender in enumerate(("alice", "bob", "alice")):
        assert harness.say("hello", sender=sender, group="g1") == f"answer {number}"
    httpserver.check()


def test_each_chat_has_its_own_conversation(harness: RunnerHarness, httpserver: HTTPServer) -> None:
    for user, conversation_id, answered in (
        ("person_alice", "", FIRST),
        ("group_g1", "", SECOND),
        ("person_alice", FIRST, FIRST),
        ("group_g1", SECOND, SECOND),
    ):
        answer = {"conversation_id": answered, "answer": "hi"}
        expect(httpserver, user, conversation_id).respond_with_json(answer)
    for _ in range(2):
        assert harness.say("hello") == "hi"
        assert harness.say("hello", group="g1") == "hi"
        harness.restart()
    httpserver.check()


def test_after_dify_lost_a_conversation_a_new_one_begins(
    harness: RunnerHarness, httpserver: HTTPServer
) -> None:
    lost = {"code": "not_found", "message": "Conversation Not Exists.", "status": 404}
    user = "person_alice"
    expect(httpserver, user, "").respond_with_json({"conversation_id": FIRST, "answer": "one"})
    expect(httpserver, user, FIRST).respond_with_json(lost, 404)
    expect(httpserver, user, "").respond_with_json({"conversation_id": SECOND, "answer": "two"})
    assert harness.say("hello") == "one"
    assert "Conversation Not Exists." in str(harness.say("hello").error)
    assert harness.say("hello") == "two"
    assert harness.state("conversation") == {"external.conversation_id": SECOND}
    httpserver.check()
