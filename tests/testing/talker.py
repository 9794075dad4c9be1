"""Small runners for the tests of the harness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from langbot_plugin.api.definition.components.runner import Runner, RunnerContext, RunnerResult
from langbot_plugin.api.entities.builtin.platform.message import MessageChain, Plain
from langbot_plugin.api.entities.builtin.provider.message import (
    ContentElement,
    Message,
    MessageChunk,
)


class Talker(Runner):
    """Does what each word of the message tells it, `word:argument`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.memory = 0

    async def run(  # type: ignore[override]  # the SDK knows coroutines
        self, ctx: RunnerContext
    ) -> AsyncGenerator[RunnerResult, None]:
        self.memory += 1
        for word in (ctx.input.text or "").split():
            name, _, argument = word.partition(":")
            if name == "wait":
                await asyncio.sleep(float(argument))
            elif name == "raise":
                raise RuntimeError(argument)
            elif name == "fail":
                yield RunnerResult.run_failed(ctx.run_id, argument)
            elif name == "log":
                await ctx.log(argument, "warning")
            elif name == "reply":
                await ctx.reply(argument)
            elif name == "quote":
                await ctx.reply(MessageChain([Plain(text=argument)]), quote_origin=True)
            else:
                yield self.result(ctx, name, argument)

    def result(self, ctx: RunnerContext, name: str, argument: str) -> RunnerResult:
        """Make one result."""
        message = Message(role="assistant", content=argument)
        if name in {"say", "parts", "memory"}:
            if name == "parts":
                message.content = [ContentElement.from_text(part) for part in argument.split(",")]
            elif name == "memory":
                message.content = str(self.memory)
            return RunnerResult.message_completed(ctx.run_id, message)
        if name == "chunk":
            chunk = MessageChunk(role="assistant", content=argument)
            return RunnerResult.message_delta(ctx.run_id, chunk)
        if name in {"final", "all"}:
            chunk = MessageChunk(role="assistant", content=argument, is_final=name == "final")
            chunk.all_content = f"all of {argument}" if name == "all" else None
            return RunnerResult.message_delta(ctx.run_id, chunk)
        if name == "end":
            return RunnerResult.run_completed(ctx.run_id, message)
        if name == "odd":
            return RunnerResult(run_id=ctx.run_id, type=argument, data={"odd": True})
        scope, key, value = argument.split("=")
        data = {"scope": scope, "key": key, "value": value or None}
        return RunnerResult(run_id=ctx.run_id, type="state.updated", data=data)


class Asker(Runner):
    """Calls LangBot as the message says, `method argument ...`, and says the answer."""

    async def run(self, ctx: RunnerContext) -> None:
        method, *arguments = (ctx.input.text or "").split()
        answer = await getattr(ctx, method)(*arguments)
        await ctx.log(str(answer.model_dump() if hasattr(answer, "model_dump") else answer))


class Seer(Runner):
    """Says what it sees."""

    async def run(self, ctx: RunnerContext) -> None:
        extra = ctx.adapter.extra if ctx.adapter else {}
        await ctx.log(
            f"{ctx.config} {self.get_plugin_config()} {self.plugin_identity} "
            f"{extra.get('params', {}).get('conversation_id')} {ctx.context.has_history_before} "
            f"{ctx.state.conversation} {ctx.delivery.automatic_reply}"
        )
