"""Runners that treat external ids and the history as LangBot's official runners do.

Each says with which conversation it has answered.

Source:
    langbot-app/langbot-plugins, Runner/dify-agent, Runner/n8n-agent and Runner/coze-agent,
    components/runner/default.py.
"""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import httpx
from langbot_plugin.api.definition.components.runner import Runner, RunnerResult
from langbot_plugin.api.entities.builtin.provider.message import Message

KEY = "external.conversation_id"
SESSION = "external.session_id"


class DifyLike(Runner):
    """Sends on an id that is a UUID, and keeps the id that the answer has."""

    async def run(self, ctx):
        known = ctx.state.conversation.get(KEY)
        chat, sender = ctx.conversation.conversation_id, ctx.actor.actor_id
        by_chat = ctx.config.get("user-id-source") == "legacy-session"
        body = {
            "query": ctx.input.text,
            "conversation_id": known if is_uuid(known) else "",
            "user": chat if by_chat else sender,
        }
        headers = {"Authorization": f"Bearer {ctx.config['api-key']}"}
        answer = await post(f"{ctx.config['base-url']}/chat-messages", json=body, headers=headers)
        if answer.is_error:
            error = f"Dify API error {answer.status_code}: {answer.text}"
            yield RunnerResult.run_failed(ctx.run_id, error)
            return
        said = answer.json()
        yield update(ctx, KEY, said["conversation_id"])
        yield message(ctx, said["answer"])


class N8nLike(Runner):
    """Sends on whatever ids are there, and makes up and keeps those that are not."""

    async def run(self, ctx):
        state = ctx.state.conversation
        new = {key: uuid4().hex for key in (KEY, SESSION) if not state.get(key)}
        ids = {key.removeprefix("external."): (state | new)[key] for key in (KEY, SESSION)}
        answer = await post(ctx.config["webhook-url"], json={"chatInput": ctx.input.text, **ids})
        parts = map(json.loads, answer.text.splitlines())
        yield message(ctx, "".join(part.get("content", "") for part in parts))
        for key, value in new.items():
            yield update(ctx, key, value)


class CozeLike(Runner):
    """Sends on whatever id is there in its url, and drops the body of an answer without events."""

    async def run(self, ctx):
        known = ctx.state.conversation.get(KEY)
        answer = await post(
            f"{ctx.config['api-base']}/v3/chat",
            params={"conversation_id": known} if known else {},
            json={"additional_messages": [{"role": "user", "content": ctx.input.text}]},
        )
        lines = [line for line in answer.text.splitlines() if line.startswith("data:")]
        events = [json.loads(line.removeprefix("data:")) for line in lines]
        if not events:
            yield RunnerResult.run_failed(ctx.run_id, "Coze API returned no response")
            return
        yield message(ctx, "".join(event.get("content", "") for event in events))
        yield update(ctx, KEY, events[-1].get("conversation_id") or known)


class HistoryAgent(Runner):
    """Has no service: the history is all that it knows of a conversation."""

    async def run(self, ctx):
        page = (await ctx.api.history_page()).model_dump()
        said = [item["content"] for item in page["items"] if item["role"] == "user"]
        yield message(ctx, f"conversation {said[-1] if said else 'unknown'}")


async def post(url, **request):
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return await client.post(url, **request)


def is_uuid(value):
    try:
        return isinstance(value, str) and bool(UUID(value))
    except ValueError:
        return False


def update(ctx, key, value):
    return RunnerResult.state_updated(ctx.run_id, key, value, scope="conversation")


def message(ctx, text):
    return RunnerResult.message_completed(ctx.run_id, Message(role="assistant", content=text))
