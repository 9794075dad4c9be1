"""A runner for an agent that lives elsewhere and gives each conversation an id of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

import httpx
from langbot_plugin.api.definition.components.runner import Runner, RunnerContext, RunnerResult
from langbot_plugin.api.entities.builtin.provider.message import Message

from langbot_state_ext.runner import Key, StateModel


class Conversation(StateModel, scope="conversation", prefix="memory."):
    """What is kept of one conversation."""

    id: Annotated[str | None, Key("external.conversation_id")] = None
    turns: int = 0


class OutsideRunner(Runner):
    """Hands each message to the service at `config["url"]`, in the conversation it knows."""

    async def run(self, ctx: RunnerContext) -> AsyncGenerator[RunnerResult, None]:
        """Answer one message."""
        conversation = await Conversation.fetch(ctx)  # not `load`, see its docstring
        asked = {"text": ctx.input.to_text(), "conversation_id": conversation.id}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(ctx.config["url"], json=asked)
        if answer.status_code == httpx.codes.NOT_FOUND:
            yield RunnerResult.run_failed(ctx.run_id, "Conversation Not Exists")
            return
        said = answer.raise_for_status().json()
        conversation.id = said["conversation_id"]
        conversation.turns += 1
        for result in conversation.changes(ctx):
            yield result
        reply = Message(role="assistant", content=said["text"])
        yield RunnerResult.message_completed(ctx.run_id, reply)
