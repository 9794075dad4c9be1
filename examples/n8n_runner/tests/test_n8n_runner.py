"""Each conversation has the ids of one n8n session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from langbot_state_ext.testing import RunnerHarness

PLUGIN = Path(__file__).parents[1]


@pytest.fixture
def harness(runner_harness: type[RunnerHarness], httpserver: HTTPServer) -> RunnerHarness:
    return runner_harness(PLUGIN, config={"webhook-url": httpserver.url_for("/webhook")})


def lines(*parts: dict[str, Any]) -> str:
    """Return an answer as n8n streams it."""
    return "\n".join(json.dumps(part) for part in (*parts, {"type": "end"}))


def test_each_conversation_has_its_session(harness: RunnerHarness, httpserver: HTTPServer) -> None:
    streamed = lines({"type": "item", "content": "tea "}, {"type": "item", "content": "time"})
    httpserver.expect_request("/webhook", method="POST").respond_with_data(streamed)
    assert harness.say("hello") == "tea time"
    harness.say("hello", group="g1")
    harness.restart()
    harness.say("again")
    first, group, again = (request.get_json() for request, _ in httpserver.log)
    assert first["session_id"].startswith("n8n_session_")
    assert first["conversation_id"].startswith("n8n_conversation_")
    assert again == {**first, "chatInput": "again"}
    assert group["session_id"] != first["session_id"]
    assert group["conversation_id"] != first["conversation_id"]


def test_an_answer_that_is_not_streamed_is_read(
    harness: RunnerHarness, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/webhook").respond_with_data('{"response": "at once"}')
    assert harness.say("hello") == "at once"


def test_a_session_whose_first_run_failed_is_not_kept(
    harness: RunnerHarness, httpserver: HTTPServer
) -> None:
    httpserver.expect_ordered_request("/webhook").respond_with_data(status=500)
    httpserver.expect_ordered_request("/webhook").respond_with_data(lines())
    assert "500" in str(harness.say("hello").error)
    assert harness.say("hello").error == "n8n: no response"
    assert harness.state("conversation") == {}
