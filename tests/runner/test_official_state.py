"""What the official runner plugins keep, said as models.

Source:
    github.com/langbot-app/langbot-plugins, folder Runner: dify-agent, coze-agent, n8n-agent,
    langflow-agent and claude-code-agent. Each reads its keys by name, checks their types by hand
    and yields each update by hand.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from langbot_state_ext.runner import Key, StateModel


class Dify(StateModel, scope="conversation", prefix="external."):
    """Sends an id only when it is a UUID."""

    conversation_id: UUID | None = None


class Coze(StateModel, scope="conversation", prefix="external."):
    conversation_id: str | None = None


class N8n(StateModel, scope="conversation", prefix="external."):
    conversation_id: str = ""
    session_id: str = ""


class Langflow(StateModel, scope="conversation", prefix="external."):
    session_id: str = ""


class Question(BaseModel):
    id: str
    question: str


class PendingInteraction(BaseModel):
    version: int = 1
    interaction_id: str
    tool_use_id: str
    questions: list[Question]


class Claude(StateModel, scope="conversation"):
    session_id: Annotated[str, Key("external.claude_code_session_id")] = ""
    pending: Annotated[
        PendingInteraction | None, Key("external.claude_code_pending_interaction")
    ] = None


PENDING = {
    "version": 1,
    "interaction_id": "claude-1",
    "tool_use_id": "1",
    "questions": [{"id": "q", "question": "Which?"}],
}


@pytest.mark.parametrize(
    ("model", "stored"),
    [
        (Dify, {"external.conversation_id": "b9b4bf2e-3c0a-4f4d-9d3b-8f2f0a1c2d3e"}),
        (Coze, {"external.conversation_id": "7390"}),
        (N8n, {"external.conversation_id": "n8n_c", "external.session_id": "n8n_s"}),
        (Langflow, {"external.session_id": "s"}),
        (
            Claude,
            {
                "external.claude_code_session_id": "s",
                "external.claude_code_pending_interaction": PENDING,
            },
        ),
    ],
)
def test_the_state_of_official_runners_reads_and_writes_the_same(
    model: type[StateModel], stored: dict[str, Any]
) -> None:
    read = model.from_state(stored)
    written = {
        update.data["key"]: update.data["value"] for update in model(**dict(read)).changes(RUN)
    }
    assert written == stored


def test_dify_gets_no_unknown_conversation_id() -> None:
    assert Dify.from_state({"external.conversation_id": "person_alice"}).conversation_id is None


class _Run:
    run_id = "run-1"


RUN: Any = _Run()
