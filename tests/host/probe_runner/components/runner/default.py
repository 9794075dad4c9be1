"""A runner that does what the message tells it, a JSON list of steps, and says what it sees."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from langbot_plugin.api.definition.components.runner import Runner, RunnerResult
from langbot_plugin.api.entities.builtin.provider.message import ContentElement, Message


class ProbeRunner(Runner):
    async def run(self, ctx):
        try:
            steps = json.loads(ctx.input.text)
        except ValueError:
            steps = []
        done = []
        for step in steps if isinstance(steps, list) else []:
            ((name, value),) = step.items()
            if name in RESULTS:
                yield RESULTS[name](ctx, value)
            elif name in WAITS:
                await WAITS[name](ctx, value)
            elif name == "raise":
                raise RuntimeError(value)
            elif name == "end":
                return
            elif name == "tell":
                tell(Path(value), json.dumps(self.seen(ctx, done)))
            else:
                done.append(await self.call(ctx, name, value))
        seen = json.dumps(self.seen(ctx, done))
        if ctx.delivery and not ctx.delivery.automatic_reply:
            await ctx.reply(seen)
        yield message(ctx, seen)
        yield RunnerResult.run_completed(ctx.run_id)

    @staticmethod
    def seen(ctx, done):
        """Return what the run knows of its message, and what its steps gave."""
        return {
            "run_id": ctx.run_id,
            "state": ctx.state.model_dump(),
            "params": ctx.adapter.extra.get("params") if ctx.adapter else None,
            "variables": ctx.variables,
            "conversation_id": ctx.conversation.conversation_id if ctx.conversation else None,
            "apis": ctx.context.available_apis.model_dump(),
            "storage": ctx.resources.storage.model_dump(),
            "event": ctx.event.model_dump(include={"event_type", "source", "source_event_type"}),
            "event_kind": ctx.event.data.get("type"),
            "subject": ctx.subject.model_dump() if ctx.subject else None,
            "delivery": [ctx.delivery.automatic_reply, ctx.delivery.supports_streaming],
            "has_deadline": ctx.runtime.deadline_at is not None,
            "steps": done,
        }

    @staticmethod
    async def call(ctx, name, arguments):
        """Call the State API, or the history, as `ctx.api` has them."""
        try:
            answer = await getattr(ctx.api, name)(*arguments)
        except Exception as error:  # what the host says is what the test wants to see
            return {"error": str(error)}
        return answer.model_dump(mode="json") if hasattr(answer, "model_dump") else answer


def tell(path, text):
    """Write a file that is whole as soon as it is there."""
    half = path.with_suffix(".half")
    half.write_text(text)
    half.rename(path)


async def until_set(ctx, key):
    """Wait for a result, which travels beside the calls of the State API."""
    while (await ctx.state_get(*key))["value"] is None:
        await asyncio.sleep(0.05)


async def meet(_ctx, files):
    """Say with a file that the run is here, and go on once there is another."""
    here, go = map(Path, files)
    here.touch()
    while not go.exists():
        await asyncio.sleep(0.05)


WAITS = {
    "sleep": lambda _ctx, value: asyncio.sleep(value),
    "until_set": until_set,
    "meet": meet,
}
"""What a step waits for."""


def update(ctx, scope, key, value):
    data = {"scope": scope, "key": key, "value": value}
    return RunnerResult(run_id=ctx.run_id, type="state.updated", data=data)


def message(ctx, content):
    return RunnerResult.message_completed(ctx.run_id, Message(role="assistant", content=content))


RESULTS = {
    "set": lambda ctx, value: update(ctx, *value),
    "surrogate": lambda ctx, value: update(ctx, *value, "\ud800"),
    "nan": lambda ctx, value: update(ctx, *value, float("nan")),
    "fail": lambda ctx, value: RunnerResult.run_failed(ctx.run_id, value),
    "say": message,
    "parts": lambda ctx, value: message(ctx, [ContentElement.from_text(part) for part in value]),
}
"""What a step yields."""
