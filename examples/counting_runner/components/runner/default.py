"""A runner that keeps a little state in each of the four scopes."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from langbot_plugin.api.definition.components.runner import Runner, RunnerContext, RunnerResult
from langbot_plugin.api.entities.builtin.provider.message import Message

COMMANDS = {
    "call me ": ("actor", "prefs.name"),
    "topic: ": ("subject", "group.topic"),
    "session: ": ("conversation", "external.conversation_id"),
}


class CountingRunner(Runner):
    """Counts turns, and remembers what it is told."""

    async def run(self, ctx: RunnerContext) -> AsyncGenerator[RunnerResult, None]:
        """Answer one message."""
        text = (ctx.input.text or "").strip()
        name = ctx.state.actor.get("prefs.name", "stranger")
        topic = ctx.state.subject.get("group.topic")
        for command, (scope, key) in COMMANDS.items():
            if text.lower().startswith(command):
                value = text[len(command) :].strip()
                name, topic = (value if key.endswith(part) else old
                               for part, old in ((".name", name), (".topic", topic)))
                yield RunnerResult.state_updated(ctx.run_id, scope, key, value)
        turns = ctx.state.conversation.get("memory.turns", 0) + 1
        everybody = ctx.state.runner.get("stats.turns", 0) + 1
        yield RunnerResult.state_updated(ctx.run_id, "conversation", "memory.turns", turns)
        yield RunnerResult.state_updated(ctx.run_id, "runner", "stats.turns", everybody)
        about = f" Our topic is {topic}." if topic else ""
        reply = f"Hello {name}, this is turn {turns} here, and {everybody} in all.{about}"
        yield RunnerResult.message_completed(ctx.run_id, Message(role="assistant", content=reply))
        yield RunnerResult.run_completed(ctx.run_id)
