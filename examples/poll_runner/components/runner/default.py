"""A runner that holds one poll in each group."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator

from langbot_plugin.api.definition.components.runner import Runner, RunnerContext, RunnerResult
from langbot_plugin.api.entities.builtin.provider.message import Message
from pydantic import BaseModel

from langbot_state_ext.runner import StateModel


class Poll(BaseModel):
    """One question, and who chose what."""

    question: str
    options: list[str]
    votes: dict[str, str] = {}

    def __str__(self) -> str:
        counted = Counter(self.votes.values())
        return f"{self.question} " + ", ".join(f"{o}: {counted[o]}" for o in self.options)


class Group(StateModel, scope="subject", prefix="group."):
    """What a group has in common."""

    poll: Poll | None = None


class PollRunner(Runner):
    """Understands `poll Tea or coffee? tea coffee`, `vote tea`, and `result`."""

    async def run(self, ctx: RunnerContext) -> AsyncGenerator[RunnerResult, None]:
        """Answer one message."""
        group = Group.load(ctx)
        command, _, rest = ctx.input.to_text().partition(" ")
        voter = (ctx.actor and ctx.actor.actor_id) or "somebody"
        if command == "poll":
            question, _, options = rest.partition("? ")
            group.poll = Poll(question=f"{question}?", options=options.split())
        elif command == "vote" and group.poll and rest in group.poll.options:
            group.poll.votes[voter] = rest
        for result in group.changes(ctx):
            yield result
        text = str(group.poll) if group.poll else "There is no poll."
        yield RunnerResult.message_completed(ctx.run_id, Message(role="assistant", content=text))
