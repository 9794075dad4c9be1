"""A runner for n8n's webhooks, whose workflows tell conversations apart by ids that we make."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
from langbot_plugin.api.definition.components.runner import Runner, RunnerContext, RunnerResult
from langbot_plugin.api.entities.builtin.provider.message import MessageChunk

from langbot_state_ext.runner import StateModel


class Session(StateModel, scope="conversation", prefix="external."):
    """The ids under which a workflow knows the conversation."""

    conversation_id: str = ""
    session_id: str = ""


class N8nRunner(Runner):
    """Hands each message to the webhook at `config["webhook-url"]`."""

    async def run(self, ctx: RunnerContext) -> AsyncGenerator[RunnerResult, None]:
        """Answer one message."""
        session = Session.load(ctx)
        session.conversation_id = session.conversation_id or f"n8n_conversation_{uuid4().hex}"
        session.session_id = session.session_id or f"n8n_session_{uuid4().hex}"
        asked = {"chatInput": ctx.input.to_text(), **session.model_dump()}
        said = ""
        try:
            async for part in answer(ctx.config["webhook-url"], asked):
                said += part
                chunk = MessageChunk(role="assistant", content=said)
                yield RunnerResult.message_delta(ctx.run_id, chunk)
        except httpx.HTTPError as error:
            yield RunnerResult.run_failed(ctx.run_id, f"n8n: {error}", "n8n.api_error")
            return
        if not said:
            yield RunnerResult.run_failed(ctx.run_id, "n8n: no response", "n8n.empty_response")
            return
        for result in session.changes(ctx):
            yield result
        chunk = MessageChunk(role="assistant", content=said, is_final=True)
        yield RunnerResult.message_delta(ctx.run_id, chunk)


async def answer(url: str, asked: dict[str, Any]) -> AsyncIterator[str]:
    """Yield the texts that a workflow streams, one JSON object on each line, or answers at once."""
    client = httpx.AsyncClient(trust_env=False, timeout=120)
    async with client, client.stream("POST", url, json=asked) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            part = json.loads(line) if line.strip() else {}
            if part.get("type", "item") == "item":
                yield part.get("content") or part.get("response") or ""
