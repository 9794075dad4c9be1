"""A runner that does what the message tells it, a JSON list of steps, and says what it sees."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from langbot_plugin.api.definition.components.runner import Runner, RunnerResult
from langbot_plugin.api.entities.builtin.provider.message import Message


class ProbeRunner(Runner):
    async def run(self, ctx):
        try:
            steps = json.loads(ctx.input.text)
        except ValueError:
            steps = []
        done = []
        for step in steps if isinstance(steps, list) else []:
            ((name, value),) = step.items()
            if name == "set":
                yield self.update(ctx, *value)
            elif name == "surrogate":
                yield self.update(ctx, *value, "\ud800")
            elif name == "fail":
                yield RunnerResult.run_failed(ctx.run_id, value)
                return
            elif name == "raise":
                raise RuntimeError(value)
            elif name == "meet":
                await self.meet(*map(Path, value))
            elif name == "tell":
                self.tell(Path(value), self.seen(ctx, done))
            elif name == "poll":
                done.append(await self.poll(ctx, value))
            else:
                done.append(await self.call(ctx, name, value))
        message = Message(role="assistant", content=self.seen(ctx, done))
        yield RunnerResult.message_completed(ctx.run_id, message)
        yield RunnerResult.run_completed(ctx.run_id)

    @staticmethod
    def seen(ctx, done):
        """Return what the run sees, as JSON."""
        seen = {
            "run_id": ctx.run_id,
            "state": ctx.state.model_dump(),
            "params": ctx.adapter.extra.get("params") if ctx.adapter else None,
            "variables": ctx.variables,
            "conversation_id": ctx.conversation.conversation_id if ctx.conversation else None,
            "steps": done,
        }
        return json.dumps(seen)

    @staticmethod
    def tell(path, text):
        """Write a file that is whole as soon as it is there."""
        half = path.with_suffix(".half")
        half.write_text(text)
        half.rename(path)

    @staticmethod
    async def meet(here, go):
        """Say with a file that the run is here, and go on once there is another."""
        here.touch()
        while not go.exists():
            await asyncio.sleep(0.05)

    async def poll(self, ctx, arguments):
        """Read a value until it is there: a result travels beside the calls of the State API."""
        while (answer := await self.call(ctx, "state_get", arguments))["value"] is None:
            await asyncio.sleep(0.05)
        return answer

    @staticmethod
    def update(ctx, scope, key, value):
        data = {"scope": scope, "key": key, "value": value}
        return RunnerResult(run_id=ctx.run_id, type="state.updated", data=data)

    @staticmethod
    async def call(ctx, name, arguments):
        """Call the State API, or the history, as `ctx.api` has them."""
        try:
            answer = await getattr(ctx.api, name)(*arguments)
        except Exception as error:  # what the host says is what the test wants to see
            return {"error": str(error)}
        return answer.model_dump(mode="json") if hasattr(answer, "model_dump") else answer
