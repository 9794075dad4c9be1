"""One run: drives a runner through its results, as LangBot's orchestrator does."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
from .chat import Chat
from .clock import HarnessClock
from .reply import RunRecord
from .settings import Settings
from .transcript import Transcript

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
"""The types of results that LangBot accepts. It drops a result whose data is not valid."""


@dataclass(frozen=True)
class RunServices:
    """What every run uses.

    Attributes:
        settings: The settings of the harness.
        lifecycle: Takes the state updates.
        transcript: Takes the messages.
        clock: The clock of the harness.
    """

    settings: Settings
    lifecycle: RunLifecycle
    transcript: Transcript
    clock: HarnessClock


class RunDriver:
    """Drives one run, one result at a time.

    Args:
        services: What every run uses.
        chat: Where the message was sent.
        text: The message.
        run: The run, which has begun.
        runner: The runner.
        context: The context that the runner gets.

    Attributes:
        record: What the run has done so far.
    """

    def __init__(
        self,
        services: RunServices,
        chat: Chat,
        text: str,
        run: Run,
        runner: Runner,
        context: RunnerContext,
    ) -> None:
        self.chat = chat
        self.text = text
        self.run = run
        self.lifecycle = services.lifecycle
        self._transcript = services.transcript
        self._clock = services.clock
        self._has_automatic_reply = services.settings.is_pipeline
        self._is_streaming = services.settings.streaming
        self.record = RunRecord(is_sent=self._is_streaming or not self._has_automatic_reply)
        self._context = context
        self._began_after_s = self._clock.waited_s
        self._results = runner.invoke(context)
        self._sequence = 0
        self._is_in_transcript = False
        self._has_open_chunk = False

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self.record.status is not None

    async def step(self) -> dict[str, Any] | None:
        """Take the next result; returns None when the run is over."""
        if self.is_over:
            return None
        result = await self._next()
        if result is None:
            self._warn_of_open_chunk()
            await self._end("completed", None)
            return None
        await self._take(result)
        return result

    async def finish(self) -> None:
        """Take the results that are left."""
        while await self.step() is not None:
            pass

    async def cancel(self) -> None:
        """Cancel the run, as LangBot does when nobody waits for it any more."""
        if not self.is_over:
            await self._results.aclose()
            await self._end("cancelled", "consumer_cancelled")

    async def kill(self) -> None:
        """Stop the runner without an end of the run, as when LangBot is killed."""
        if not self.is_over:
            await self._results.aclose()
            self.record.status = "lost"

    def record_exception(self, error: Exception) -> None:
        """Record where the runner raised."""
        trace = error.__traceback__ and error.__traceback__.tb_next
        self.record.traceback = "".join(traceback.format_exception(type(error), error, trace))

    def record_update(self, outcome: Outcome, value: Any) -> None:
        """Record a state update, kept or refused."""
        if outcome.refusal is not None:
            self.record.refused.append(f"{outcome.scope} {outcome.key!r}: {outcome.refusal}")
            return
        self.record.updates.append((outcome.scope, outcome.key, value))

    async def _next(self) -> dict[str, Any] | None:
        """Take a result through JSON, as the plugin's process sends it.

        Source:
            langbot-plugin 0.7.16, langbot_plugin/cli/run/handler.py.
        """
        self._sequence += 1
        try:
            result = await anext_with_deadline(self._results, self._remaining_deadline_at())
            numbered = result.model_copy(update={"sequence": self._sequence})
            sent: dict[str, Any] = json.loads(json.dumps(numbered.model_dump(mode="json")))
        except StopAsyncIteration:
            return None
        except TimeoutError:
            return self._failure("Agent runner timed out", "runner.timeout")
        except Exception as error:  # noqa: BLE001 - any exception of a runner fails its run
            return self._failure(f"Error running agent: {error}", "runner.exception")
        return sent

    def _remaining_deadline_at(self) -> float | None:
        """Return the deadline, earlier by the time that the test has let pass since the start."""
        deadline_at = self._context.runtime.deadline_at
        return deadline_at and deadline_at - (self._clock.waited_s - self._began_after_s)

    def _failure(self, error: str, code: str) -> dict[str, Any]:
        result = RunnerResult.run_failed(
            self.run.run_id, error, code, code == "runner.timeout", sequence=self._sequence
        )
        return result.model_dump(mode="json")

    async def _take(self, result: dict[str, Any]) -> None:
        """Handle a result as LangBot's orchestrator does.

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
        message = data.get("message") or data.get("chunk")
        if message is not None:
            self._take_message(kind, message)

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
        outcome = await self.lifecycle.update(
            self.run.run_id, scope, key, value, sequence=result["sequence"]
        )
        if outcome is not None:
            self.record_update(outcome, value)

    def _take_message(self, kind: str, message: dict[str, Any]) -> None:
        is_chunk = kind == "message.delta"
        if self._has_automatic_reply:
            self._send(message)
        self._has_open_chunk = is_chunk and not message.get("is_final")
        if not is_chunk and not self._is_in_transcript:
            self._is_in_transcript = True
            self._transcript.add_assistant_message(self.chat.conversation_id, self.run, message)

    def _send(self, message: dict[str, Any]) -> None:
        """Send a message or a chunk to the chat.

        A chat that doesn't stream gets the last one only. A chat that streams gets every message;
        a chunk replaces the one before it.

        Source:
            LangBot 4.11.2, langbot/pkg/pipeline/process/handlers/chat.py.
        """
        texts = self.record.texts
        if not self._is_streaming:
            texts[:] = [_text_of(message)]
            return
        if self._has_open_chunk:
            texts.pop()
        texts.append(message.get("all_content") or _text_of(message))

    def _warn_of_open_chunk(self) -> None:
        if self._has_open_chunk:
            self.record.logs.append("LangBot: no chunk has is_final, a streaming chat waits for it")

    async def _fail(self, error: str) -> None:
        await self._results.aclose()
        left_s = remaining_deadline_seconds(self._remaining_deadline_at())
        await self._end("timeout" if left_s is not None and left_s <= 0 else "failed", error)

    async def _end(self, status: str, error: str | None) -> None:
        self.record.status, self.record.error = status, error
        await self.lifecycle.after_run(self.run.run_id, status, error)


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content)
