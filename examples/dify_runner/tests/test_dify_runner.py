"""How the Dify runner keeps to its conversation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from langbot_state_ext.testing import RunnerHarness
from testkit.fake_dify import KEY, FakeDify

PLUGIN = Path(__file__).parents[1]


@pytest.fixture
def dify() -> Iterator[FakeDify]:
    with FakeDify() as dify:
        yield dify


@pytest.fixture
def harness(runner_harness: type[RunnerHarness], dify: FakeDify) -> RunnerHarness:
    return runner_harness(PLUGIN, config={"base-url": dify.url, "api-key": KEY})


def test_a_group_is_one_conversation_whoever_speaks(harness: RunnerHarness, dify: FakeDify) -> None:
    for turn, sender in enumerate(("alice", "bob", "bob", "alice"), 1):
        assert f"message {turn} of" in harness.say("hello", sender=sender, group="g1")
    assert list(dify.conversations.values()) == [4]


def test_everybody_else_has_a_conversation_of_their_own(
    harness: RunnerHarness, dify: FakeDify
) -> None:
    chats = ({"sender": "alice"}, {"sender": "bob"}, {"group": "g1"}, {"group": "g2"})
    for chat in chats * 2:
        harness.say("hello", **chat)
    assert list(dify.conversations.values()) == [2, 2, 2, 2]


def test_a_conversation_that_dify_lost_begins_anew(harness: RunnerHarness, dify: FakeDify) -> None:
    harness.say("hello")
    dify.forget()
    assert "Conversation Not Exists." in str(harness.say("again").error)
    assert "message 1 of" in harness.say("again")


def test_a_conversation_is_its_users_alone(dify: FakeDify) -> None:
    def ask(user: str, conversation_id: str) -> tuple[int, dict[str, Any]]:
        body = {"query": "hi", "user": user, "conversation_id": conversation_id}
        return dify.answer(f"Bearer {KEY}", body)

    known = ask("alice", "")[1]["conversation_id"]
    assert ask("alice", known)[1]["answer"].startswith("This is message 2")
    status, fault = ask("bob", known)
    assert (status, fault["message"]) == (404, "Conversation Not Exists.")
    assert dify.conversations == {known: 2}
