"""The fake Dify keeps conversations as Dify does."""

from __future__ import annotations

from typing import Any

import httpx

from testkit.fakes import DIFY_KEY, FakeDify


def ask(dify: FakeDify, user: str, conversation_id: str, key: str = DIFY_KEY) -> Any:
    body = {"query": "hi", "user": user, "conversation_id": conversation_id}
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{dify.url}/chat-messages", json=body, headers=headers, trust_env=False)


def test_a_conversation_belongs_to_the_user_that_began_it() -> None:
    with FakeDify() as dify:
        known = ask(dify, "alice", "").json()["conversation_id"]
        assert ask(dify, "alice", known).json()["answer"].startswith("This is message 2")
        refused = ask(dify, "bob", known)
        assert (refused.status_code, refused.json()["message"]) == (404, "Conversation Not Exists.")
        assert dify.conversations == {known: 2}


def test_a_request_without_the_key_is_not_answered() -> None:
    with FakeDify() as dify:
        assert ask(dify, "alice", "", key="wrong").is_error
        assert dify.conversations == {}
