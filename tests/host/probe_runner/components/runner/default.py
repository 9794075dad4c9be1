"""A runner that does what the message tells it, a JSON list of steps, and says what it sees."""

from __future__ import annotations

import asyncio
import json

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
            elif name == "sleep":
                await asyncio.sleep(value)
            else:
                done.append(await self.call(ctx, name, value))
        seen = {
            "run_id": ctx.run_id,
            "state": ctx.state.model_dump(),
            "params": ctx.adapter.extra.get("params") if ctx.adapter else None,
            "variables": ctx.variables,
            "conversation_id": ctx.conversation.conversation_id if ctx.conversation else None,
            "steps": done,
        }
        message = Message(role="assistant", content=json.dumps(seen))
        yield RunnerResult.message_completed(ctx.run_id, message)
        yield RunnerResult.run_completed(ctx.run_id)

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
