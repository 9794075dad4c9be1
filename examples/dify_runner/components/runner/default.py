"""A runner that answers with a Dify app, and keeps what Dify calls the conversation."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID

import httpx
from langbot_plugin.api.definition.components.runner import Runner, RunnerContext, RunnerResult
from langbot_plugin.api.entities.builtin.provider.message import Message

KEY = "external.conversation_id"


class DifyRunner(Runner):
    """Talks to Dify's `/chat-messages`."""

    async def run(self, ctx: RunnerContext) -> AsyncGenerator[RunnerResult, None]:
        """Answer one message."""
        known = ctx.state.conversation.get(KEY)
        body: dict[str, Any] = {
            "inputs": {},
            "query": ctx.input.text,
            "response_mode": "blocking",
            "conversation_id": known if is_uuid(known) else "",
            "user": user_of(ctx),
        }
        key = {"Authorization": f"Bearer {ctx.config['api-key']}"}
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"{ctx.config['base-url']}/chat-messages"
            answer = await client.post(url, json=body, headers=key)
        if answer.is_error:
            yield RunnerResult.run_failed(ctx.run_id, f"Dify {answer.status_code}: {answer.text}")
            return
        said = answer.json()
        if said["conversation_id"] != known:
            yield RunnerResult.state_updated(
                ctx.run_id, KEY, said["conversation_id"], "conversation"
            )
        reply = Message(role="assistant", content=said["answer"])
        yield RunnerResult.message_completed(ctx.run_id, reply)
        yield RunnerResult.run_completed(ctx.run_id)


def user_of(ctx: RunnerContext) -> str:
    """Name whom Dify talks to: its conversation belongs to one user, ours to all of a group."""
    chat = ctx.conversation.conversation_id if ctx.conversation else None
    return chat or (ctx.actor.actor_id if ctx.actor else None) or "unknown"


def is_uuid(value: object) -> bool:
    """Return whether this is an id of Dify's; LangBot seeds the state with one of its own."""
    try:
        return str(UUID(str(value))) == value
    except ValueError:
        return False
