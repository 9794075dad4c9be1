"""`RunnerHarness`: a runner in a LangBot of a few milliseconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar, overload

from langbot_plugin.api.definition.components.runner import Runner

from ...errors import ConfigError
from ...lifecycle.conversation_rules import DEFAULT_FORGET_ON, uuid_on_resume
from ...lifecycle.lifecycle import RunLifecycle
from ...lifecycle.run import OnFailedRun, Run
from ...runner.model import StateModel, scope_of
from ...state.scopes import VALID_STATE_SCOPES, Scope
from ...store.store import StateStore
from .actions import Actions, Answer
from .arguments import check_arguments
from .chats import Chat, Processor, Setting
from .component import component_of
from .context import build_context
from .history import History
from .kept import Kept
from .record import Reply
from .report import State, conversation
from .traced import trace
from .turn import HostedRun, Turn

T = TypeVar("T")
Model = TypeVar("Model", bound=StateModel)


class RunnerHarness:
    """Gives a runner messages from people and groups, and keeps its state, without a server.

    The runner is a real one of the SDK's, its calls are the SDK's own, its state goes through the
    same `RunLifecycle` and store as in LangBot.

    Args:
        runner: The runner's class, or the folder of a plugin that has one runner, whose modules
            it may import from there. Id, permissions and capabilities are read from the manifests
            beside it; a class without manifests may use everything.
        config: The runner's settings, `ctx.config`. `timeout` is in seconds, 300 by default, 0
            for none.
        plugin_config: The plugin's settings, `get_plugin_config()`.
        store: Where the state is, see `StateStore.open`. Default `memory://`, which a restart
            empties.
        scopes: The scopes that the binding enables. Default: the four.
        processor: What LangBot answers with, `pipeline` (default) or `agent`. A pipeline sends
            the last message that a run yields and knows no `ctx.reply`; an Agent sends nothing
            but what `ctx.reply` says.
        streaming: Whether the chat shows answers while they grow, as some platforms do; a pipeline
            then sends every message. Default False.
        expire_time: After how many idle seconds a conversation ends, 0 (default) for never; see
            `wait`.
        on_failed_run: What becomes of the updates of a run that fails, `keep` (default) or
            `rollback`.
        forget_on: By which texts a failed run says that its conversation is gone. Default: those
            of Dify and Coze.
        resources: What LangBot grants, `ctx.resources`.
        answers: By action, such as `invoke_llm`, a function that takes the call's data and
            returns LangBot's answer.

    Raises:
        ConfigError: The folder is no plugin with one runner, or an argument is not what it may be.
    """

    def __init__(
        self,
        runner: type[Runner] | str | Path,
        *,
        config: Mapping[str, Any] | None = None,
        plugin_config: Mapping[str, Any] | None = None,
        store: str = "memory://",
        scopes: Sequence[Scope] = VALID_STATE_SCOPES,
        processor: Processor = "pipeline",
        streaming: bool = False,
        expire_time: float = 0,
        on_failed_run: OnFailedRun = "keep",
        forget_on: Sequence[str] = DEFAULT_FORGET_ON,
        resources: Mapping[str, Any] | None = None,
        answers: Mapping[str, Answer] | None = None,
    ) -> None:
        check_arguments(
            processor=processor, on_failed_run=on_failed_run, scopes=scopes, answers=answers or {}
        )
        self._setting = Setting(
            component_of(runner),
            processor,
            dict(config or {}),
            dict(resources or {}),
            tuple(scopes),
            expire_time,
        )
        self.automatic_reply = processor == "pipeline"
        self.streaming = streaming
        self.waited_s = 0.0
        self._plugin_config = dict(plugin_config or {})
        self._url = store
        self._on_failed_run: OnFailedRun = on_failed_run
        self._forget_on = forget_on
        self._last_said: dict[str, float] = {}
        self._history = History()
        self._actions = Actions(self._history, answers or {})
        self._turns: list[HostedRun] = []
        self._last_state: dict[str, dict[str, Any]] = {}
        self._loop = asyncio.new_event_loop()
        try:
            self._drive(self._start())
        except BaseException:
            self._loop.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop every run and close the store. Calling it again does nothing.

        `report` still answers; what else is asked of a closed harness raises ConfigError.
        """
        if self._loop.is_closed():
            return
        try:
            self._last_state = self._state_of_all()
        finally:
            self._drive(self._stop())
            self._drive(self._loop.shutdown_asyncgens())
            self._loop.close()

    def say(self, text: str, *, sender: str = "alice", group: str | None = None) -> Reply:
        """Say something to the runner, and let it answer.

        Args:
            text: What is said.
            sender: Who says it.
            group: In which group; a private chat when None.

        Returns:
            What the chat is told, as text, with `status`, `error`, `refused` and more.
        """
        return self.begin(text, sender=sender, group=group).finish()

    def begin(self, text: str, *, sender: str = "alice", group: str | None = None) -> Turn:
        """Say something, and take the snapshot; the run goes on with `step` and `finish`.

        Two runs that have begun and not finished overlap.
        """
        return Turn(self._drive(self._begin(Chat(sender, group), text)), self._drive)

    def restart(self) -> None:
        """Restart LangBot: runs under way end unseen, the runner and its memory begin anew."""
        self._drive(self._stop())
        self._drive(self._start())

    def wait(self, seconds: float) -> None:
        """Let time pass for the expiry of conversations and the deadlines of runs, at once."""
        self.waited_s += seconds

    def new_conversation(self, *, sender: str = "alice", group: str | None = None) -> None:
        """Begin a new conversation, as an operator's or a plugin's reset does."""
        self._drive(self._kept.clear("conversation", Chat(sender, group)))

    @overload
    def state(self, what: Scope, *, sender: str = ..., group: str | None = ...) -> State: ...

    @overload
    def state(self, what: type[Model], *, sender: str = ..., group: str | None = ...) -> Model: ...

    def state(
        self, what: Scope | type[StateModel], *, sender: str = "alice", group: str | None = None
    ) -> State | StateModel:
        """Read what is stored now.

        Args:
            what: A scope; or a model, which is read from its scope.
            sender: Whose, for the scope actor.
            group: In which group; the private chat when None.

        Returns:
            The values by state key, or the model.
        """
        chat = Chat(sender, group)
        if isinstance(what, str):
            return State(what, self._drive(self._kept.read(what, chat)))
        return what.from_state(self._drive(self._kept.read(scope_of(what), chat)))

    def put(
        self,
        scope: Scope,
        values: Mapping[str, Any],
        *,
        sender: str = "alice",
        group: str | None = None,
    ) -> None:
        """Store values before a test, such as those that an earlier version left.

        Raises:
            CodecError: A value is not JSON.
            InvalidKey: A key is not one.
        """
        self._drive(self._kept.write(scope, Chat(sender, group), values))

    def report(self) -> str:
        """Show the conversation so far, and the state that it left."""
        state = self._last_state if self._loop.is_closed() else self._state_of_all()
        return conversation(self._turns, state)

    def _state_of_all(self) -> dict[str, dict[str, Any]]:
        return self._drive(self._kept.of_all(turn.chat for turn in self._turns))

    def answered(self, chat: Chat, run: Run, message: dict[str, Any]) -> None:
        """Put a completed message into the history."""
        self._history.answered(chat.conversation_id, run, message)

    async def _start(self) -> None:
        self._last_said.clear()
        self._store = await StateStore.open(self._url)
        self._kept = Kept(self._setting, self._store)
        self.lifecycle = RunLifecycle(
            self._store,
            on_failed_run=self._on_failed_run,
            forget_on=self._forget_on,
            clock=self._now,
        )
        await self.lifecycle.undo_unfinished()
        self._actions.store = self._store
        self._runner = self._setting.component.runner()
        self._runner.bind_runtime(  # type: ignore[no-untyped-call]
            plugin_runtime_handler=self._actions,
            plugin_config=self._plugin_config,
            plugin_identity=self._setting.component.plugin_id,
        )
        await self._runner.initialize()
        trace(self._runner, self._actions.raised)

    async def _stop(self) -> None:
        for turn in self._turns:
            if turn.record.status is None:
                await turn.abandon()
                turn.record.status = "lost"
        await self._store.close()

    async def _begin(self, chat: Chat, text: str) -> HostedRun:
        number = len(self._turns) + 1
        run = self._setting.run(chat, number)
        uuid = await self._resume(chat, run)
        snapshot = await self.lifecycle.before_run(run)
        cursor = self._history.latest_cursor(chat.conversation_id)
        context = build_context(self._setting, chat, run, text, snapshot, uuid, number, cursor)
        self._history.heard(chat.conversation_id, text, chat.sender)
        hosted = HostedRun(self, chat, text, run, self._runner, context)
        self._actions.runs[run.run_id] = hosted
        self._turns.append(hosted)
        return hosted

    async def _resume(self, chat: Chat, run: Run) -> str | None:
        """Take note of a message; returns the uuid that its conversation goes on with."""
        now, last = self._now(), self._last_said.get(chat.conversation_id)
        self._last_said[chat.conversation_id] = now
        external_id = await self.lifecycle.before_message(
            run.event,
            run.binding,
            run.descriptor,
            expire_after_s=self._setting.expire_time,
            idle_s=None if last is None else now - last,
        )
        return uuid_on_resume(external_id, None, None)

    def _now(self) -> float:
        return time.time() + self.waited_s

    def _drive(self, work: Coroutine[Any, Any, T]) -> T:
        if _is_in_event_loop():
            work.close()
            raise RuntimeError("RunnerHarness has its own event loop: make the test a plain def")
        if self._loop.is_closed():
            work.close()
            raise ConfigError("the harness is closed: make another")
        with self._setting.component.modules.importable():
            return self._loop.run_until_complete(work)


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
