"""What LangBot answers when a runner calls it, in the place of the SDK's connection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langbot_plugin.entities.io.actions.enums import PluginToRuntimeAction as Action
from langbot_plugin.entities.io.errors import ActionCallError

from .run_driver import RunDriver
from .settings import Answer
from .state_api import STATE_CALLS, answer_state_call
from .transcript import Transcript


class RuntimeHandler:
    """The `plugin_runtime_handler` of the SDK, which sends a runner's calls to LangBot.

    Args:
        transcript: Answers `history_page` and `history_search`.
        answers: By action, such as `invoke_llm`, a function that answers it.
    """

    def __init__(self, transcript: Transcript, answers: Mapping[str, Answer]) -> None:
        self._runs: dict[str, RunDriver] = {}
        self._transcript = transcript
        self._answers = answers

    @property
    def runs(self) -> list[RunDriver]:
        """The runs that have begun, in order."""
        return list(self._runs.values())

    def add(self, run: RunDriver) -> None:
        """Answer the calls of a run."""
        self._runs[run.run.run_id] = run

    def record_exception(self, run_id: str, error: Exception) -> None:
        """Record where the runner of a run raised."""
        self._runs[run_id].record_exception(error)

    async def call_action(
        self, action: Action, data: dict[str, Any], _timeout: float | None = None
    ) -> dict[str, Any]:
        """Answer a call, through JSON as the real connection does.

        Raises:
            ActionCallError: The call is refused; the message is LangBot's.
        """
        try:
            answer = await self._answer(action.value, json.loads(json.dumps(data)))
        except ActionCallError as error:  # LangBot's plugin runtime adds this prefix
            raise ActionCallError(f"ActionCallError: {error}", error.data) from None
        answered: dict[str, Any] = json.loads(json.dumps(answer))
        return answered

    async def _answer(self, action: str, data: dict[str, Any]) -> Mapping[str, Any]:
        if action in self._answers:
            return self._answers[action](data)
        run = self._runs.get(data.get("run_id", ""))
        if run is None or run.is_over:
            raise ActionCallError(f"Run session {data.get('run_id')} not found or expired")
        if action in STATE_CALLS:
            return await answer_state_call(action, run, data)
        if action == Action.HISTORY_PAGE.value:
            return self._transcript.page(run.chat.conversation_id, data)
        if action == Action.HISTORY_SEARCH.value:
            return self._transcript.search(run.chat.conversation_id, data)
        if action in {Action.CALL_TOOL.value, Action.CALL_PLATFORM_API.value}:
            return _send_reply(run, data)
        raise ActionCallError(
            f"the harness has no answer to {action}: give it one, answers={{{action!r}: function}}"
        )


def _send_reply(run: RunDriver, data: dict[str, Any]) -> Mapping[str, Any]:
    """Call the tool behind `ctx.reply`."""
    parameters = data.get("parameters") or data.get("params") or {}
    if data.get("tool_name", data.get("context_tool")) != "event_reply":
        raise ActionCallError("the harness has no such tool: give answers={'call_tool': ...}")
    chain = parameters.get("message", [{"type": "Plain", "text": parameters.get("text", "")}])
    text = "".join(part.get("text", "") for part in chain)
    if not text:
        raise ActionCallError("Failed to execute tool event_reply: text must be a non-empty string")
    run.record.texts.append(text)
    return {"result": {}}
