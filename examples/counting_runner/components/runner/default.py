"""A runner that keeps a little state in each of the four scopes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Literal

from langbot_plugin.api.definition.components.runner import Runner, RunnerContext, RunnerResult
from langbot_plugin.api.entities.builtin.provider.message import Message

Scope = Literal["conversation", "actor", "subject", "runner"]

COMMANDS: dict[str, tuple[Scope, str]] = {
    "call me ": ("actor", "prefs.name"),
    "topic: ": ("subject", "group.topic"),
    "session: ": ("conversation", "external.conversation_id"),
}


class CountingRunner(Runner):
    """Counts turns, and remembers what it is told."""

    async def run(self, ctx: RunnerContext) -> AsyncGenerator[RunnerResult, None]:
        """Answer one message."""
        text = (ctx.input.text or "").strip()
        state = ctx.state.model_dump()
        news: list[tuple[Scope, str, Any]] = [
            ("conversation", "memory.turns", state["conversation"].get("memory.turns", 0) + 1),
            ("runner", "stats.turns", state["runner"].get("stats.turns", 0) + 1),
        ]
        for command, (scope, key) in COMMANDS.items():
            if text.lower().startswith(command):
                news.append((scope, key, text[len(command) :].strip()))
        for scope, key, value in news:
            state[scope][key] = value
            yield RunnerResult.state_updated(ctx.run_id, key, value, scope)
        reply = Message(role="assistant", content=answer(state))
        yield RunnerResult.message_completed(ctx.run_id, reply)
        yield RunnerResult.run_completed(ctx.run_id)


def answer(state: dict[str, dict[str, object]]) -> str:
    """Say what is remembered."""
    name = state["actor"].get("prefs.name", "stranger")
    turns, everybody = state["conversation"]["memory.turns"], state["runner"]["stats.turns"]
    topic = state["subject"].get("group.topic")
    about = f" Our topic is {topic}." if topic else ""
    return f"Hello {name}, this is turn {turns} here, and {everybody} in all.{about}"
