"""One turn: a message, the run that answers it, and what became of it."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from typing import Any, Protocol

from langbot_plugin.api.definition.components.runner import Runner, RunnerContext, RunnerResult
from langbot_plugin.api.entities.builtin.runner.result import (
    ActionRequestedPayload,
    MessageCompletedPayload,
    MessageDeltaPayload,
    ProcessorLogPayload,
    RunCompletedPayload,
    RunFailedPayload,
    StateUpdatedPayload,
    ToolCallCompletedPayload,
    ToolCallStartedPayload,
)
from langbot_plugin.utils.deadline import anext_with_deadline, remaining_deadline_seconds
from pydantic import BaseModel, ValidationError

from ...lifecycle.lifecycle import RunLifecycle
from ...lifecycle.run import Outcome, Run
from ...state.scopes import ScopeKey
from .chats import Chat
from .record import Record, Reply, reply_of

PAYLOADS: Mapping[str, type[BaseModel]] = {
    "message.delta": MessageDeltaPayload,
    "message.completed": MessageCompletedPayload,
    "tool.call.started": ToolCallStartedPayload,
    "tool.call.completed": ToolCallCompletedPayload,
    "state.updated": StateUpdatedPayload,
    "action.requested": ActionRequestedPayload,
    "run.completed": RunCompletedPayload,
    "run.failed": RunFailedPayload,
    "processor.log": ProcessorLogPayload,
}
"""The results that LangBot takes; it drops one whose data is not as the SDK says."""


class TurnHost(Protocol):
    """What a turn needs of its harness."""

    lifecycle: RunLifecycle
    automatic_reply: bool
    streaming: bool
    waited_s: float

    def answered(self, chat: Chat, run: Run, message: dict[str, Any]) -> None:
        """Take note of a completed message."""


class HostedRun:
    """Drives a runner as LangBot does, one result at a time.

    Args:
        host: Its harness.
        chat: Who speaks where.
        text: What is said.
        run: The run, which has begun.
        runner: The runner.
        context: What the runner gets.
    """

    def __init__(
        self,
        host: TurnHost,
        chat: Chat,
        text: str,
        run: Run,
        runner: Runner,
        context: RunnerContext,
    ) -> None:
        self.chat = chat
        self.text = text
        self.run = run
        self.record = Record(is_sent=host.streaming or not host.automatic_reply)
        self._host = host
        self._context = context
        self._waited_s = host.waited_s
        self._results = runner.invoke(context)
        self._sequence = 0
        self._has_answered = False
        self._is_open = False

    @property
    def conversation_id(self) -> str:
        """The conversation."""
        return self.chat.conversation_id

    async def step(self) -> dict[str, Any] | None:
        """Take the next result; None when the run is over."""
        if self.record.status is not None:
            return None
        result = await self._next()
        if result is None:
            self._check_stream()
            await self._end("completed", None)
            return None
        await self._take(result)
        return result

    async def finish(self) -> None:
        """Take every result that is left."""
        while await self.step() is not None:
            pass

    async def cancel(self) -> None:
        """Stop the run, as LangBot does when nobody waits for it any more."""
        if self.record.status is None:
            await self.abandon()
            await self._end("cancelled", "consumer_cancelled")

    async def abandon(self) -> None:
        """Stop the runner and tell nobody, as when LangBot is killed."""
        await self._results.aclose()

    def raised(self, error: Exception) -> None:
        """Note where the runner raised."""
        trace = error.__traceback__ and error.__traceback__.tb_next
        self.record.trace = "".join(traceback.format_exception(type(error), error, trace))

    def replied(self, text: str) -> None:
        """Note what `ctx.reply` sent."""
        self.record.said.append(text)

    async def state_set(self, scope: ScopeKey, key: str, value: Any) -> Outcome:
        """Write a value for the State API."""
        outcome = await self._host.lifecycle.state_set(self.run.run_id, scope, key, value)
        self._note_update(outcome, value)
        return outcome

    async def state_delete(self, scope: ScopeKey, key: str) -> bool:
        """Delete a value for the State API; returns whether it was there."""
        return await self._host.lifecycle.state_delete(self.run.run_id, scope, key)

    async def _next(self) -> dict[str, Any] | None:
        """Fetch a result through JSON, as the plugin process sends it.

        Source:
            langbot-plugin 0.7.16, langbot_plugin/cli/run/handler.py.
        """
        self._sequence += 1
        try:
            result = await anext_with_deadline(self._results, self._deadline_at())
            numbered = result.model_copy(update={"sequence": self._sequence})
            sent: dict[str, Any] = json.loads(json.dumps(numbered.model_dump(mode="json")))
        except StopAsyncIteration:
            return None
        except TimeoutError:
            return self._failure("Agent runner timed out", "runner.timeout")
        except Exception as error:  # noqa: BLE001 - whatever a runner raises ends its run
            return self._failure(f"Error running agent: {error}", "runner.exception")
        return sent

    def _failure(self, error: str, code: str) -> dict[str, Any]:
        result = RunnerResult.run_failed(
            self.run.run_id, error, code, code == "runner.timeout", sequence=self._sequence
        )
        return result.model_dump(mode="json")

    async def _take(self, result: dict[str, Any]) -> None:
        """Do what LangBot's orchestrator does with a result.

        Source:
            LangBot 4.11.2, langbot/pkg/agent/runner/orchestrator.py, run.
        """
        kind, data = result["type"], result["data"]
        if not self._is_valid(kind, data):
            return
        self.record.results.append(result)
        if kind == "state.updated":
            await self._update(result)
        elif kind == "processor.log":
            self.record.logs.append(f"{data['level']}: {data['text']}")
        elif kind == "run.failed":
            await self._fail(data["error"])
        self._hear(kind, data)

    def _is_valid(self, kind: str, data: dict[str, Any]) -> bool:
        try:
            PAYLOADS[kind].model_validate(data)
        except KeyError:
            self.record.logs.append(f"LangBot: result of unknown type {kind} ignored")
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(step) for step in fault["loc"])
            self.record.logs.append(f"LangBot: invalid {kind} dropped, {where}: {fault['msg']}")
        else:
            return True
        return False

    async def _update(self, result: dict[str, Any]) -> None:
        scope, key, value = (result["data"][name] for name in ("scope", "key", "value"))
        if not key:
            await self._fail("state.updated missing required field: key")
            return
        outcome = await self._host.lifecycle.update(
            self.run.run_id, scope, key, value, sequence=result["sequence"]
        )
        if outcome is not None:
            self._note_update(outcome, value)

    def _note_update(self, outcome: Outcome, value: Any) -> None:
        if outcome.refusal is not None:
            self.record.refused.append(f"{outcome.scope} {outcome.key!r}: {outcome.refusal}")
            return
        self.record.updates.append((outcome.scope, outcome.key, value))

    def _hear(self, kind: str, data: dict[str, Any]) -> None:
        spoken = data.get("message") or data.get("chunk")
        if spoken is None:
            return
        if self._host.automatic_reply:
            self._say(spoken)
        self._is_open = kind == "message.delta" and not spoken.get("is_final")
        if kind != "message.delta" and not self._has_answered:
            self._has_answered = True
            self._host.answered(self.chat, self.run, spoken)

    def _say(self, spoken: dict[str, Any]) -> None:
        """Send a message, or a piece of one.

        Without streaming a pipeline sends the last one alone; a chat that streams gets each, and
        pieces take the place of those before them.

        Source:
            LangBot 4.11.2, langbot/pkg/pipeline/process/handlers/chat.py.
        """
        if not self._host.streaming:
            self.record.said[:] = [_text_of(spoken)]
            return
        if self._is_open:
            self.record.said.pop()
        self.record.said.append(spoken.get("all_content") or _text_of(spoken))

    def _deadline_at(self) -> float | None:
        """Return when the run must be over, by the clock of the machine."""
        deadline_at = self._context.runtime.deadline_at
        return deadline_at and deadline_at - (self._host.waited_s - self._waited_s)

    def _check_stream(self) -> None:
        if self._is_open:
            self.record.logs.append("LangBot: no chunk has is_final, a streaming chat waits for it")

    async def _fail(self, error: str) -> None:
        await self.abandon()
        left = remaining_deadline_seconds(self._deadline_at())
        await self._end("timeout" if left is not None and left <= 0 else "failed", error)

    async def _end(self, status: str, error: str | None) -> None:
        self.record.status, self.record.error = status, error
        await self._host.lifecycle.after_run(self.run.run_id, status, error)


class Turn:
    """A run under way, for tests of runs that overlap; made by `RunnerHarness.begin`."""

    def __init__(self, run: HostedRun, drive: Any) -> None:
        self._run = run
        self._drive = drive

    def step(self) -> dict[str, Any] | None:
        """Let the run go on to its next result.

        Returns:
            The result, which LangBot has taken; None when the run is over.
        """
        result: dict[str, Any] | None = self._drive(self._run.step())
        return result

    def finish(self) -> Reply:
        """Let the run go on to its end."""
        self._drive(self._run.finish())
        return reply_of(self._run.record)

    def cancel(self) -> Reply:
        """Stop the run where it is, as LangBot does when nobody waits for it any more."""
        self._drive(self._run.cancel())
        return reply_of(self._run.record)


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content)
