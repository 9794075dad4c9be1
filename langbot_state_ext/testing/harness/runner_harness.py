"""`RunnerHarness`: runs a runner as LangBot does, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar, overload

from langbot_plugin.api.definition.components.runner import Runner

from ...errors import ConfigError
from ...lifecycle.conversation_rules import DEFAULT_FORGET_ON
from ...lifecycle.run import OnFailedRun
from ...runner.model import StateModel, scope_of
from ...state.scopes import VALID_STATE_SCOPES, Scope
from .chat import Chat, Processor
from .chat_state import State
from .clock import HarnessClock
from .component import component_of
from .langbot_process import LangBotProcess
from .reply import Reply
from .report import build_report
from .run_driver import RunDriver
from .settings import Answer, Settings
from .transcript import Transcript
from .turn import Turn

T = TypeVar("T")
Model = TypeVar("Model", bound=StateModel)


class RunnerHarness:
    """Sends messages to a runner from people and groups, and keeps its state, without a server.

    The runner is real, its calls go through the SDK, and its state goes through the same
    `RunLifecycle` and store as in LangBot.

    Args:
        runner: The runner's class, or the folder of a plugin with one runner, which may import its
            plugin's modules. Id, permissions and capabilities come from the manifests beside it. A
            class without manifests has every permission.
        config: The runner's settings, `ctx.config`. `timeout` is in seconds, 300 by default, 0
            for none.
        plugin_config: The plugin's settings, `get_plugin_config()`.
        store: The url of the store, see `StateStore.open`. Default `memory://`, which a restart
            empties.
        scopes: The scopes that the binding enables. Default: all four.
        processor: What LangBot answers with, `pipeline` (default) or `agent`. A pipeline sends
            the last message that a run yields and refuses `ctx.reply`. An Agent sends only what
            `ctx.reply` says.
        streaming: Whether the chat shows an answer while it grows, as some platforms do. A
            pipeline then sends every message. Default False.
        expire_time: After how many idle seconds a conversation expires. Default 0: never. See
            `wait`.
        on_failed_run: What happens to the updates of a failed run, `keep` (default) or
            `rollback`.
        forget_on: By which texts a failed run says that its conversation is gone. Default: those
            of Dify and Coze.
        resources: What LangBot grants the runner, `ctx.resources`.
        answers: By action, such as `invoke_llm`, a function that takes the call's data and
            returns LangBot's answer.

    Raises:
        ConfigError: The folder is not a plugin with exactly one runner, or an argument is not
            allowed.
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
        self._settings = Settings(
            component=component_of(runner),
            config=dict(config or {}),
            plugin_config=dict(plugin_config or {}),
            store=store,
            scopes=scopes,
            processor=processor,
            streaming=streaming,
            expire_time=expire_time,
            on_failed_run=on_failed_run,
            forget_on=forget_on,
            resources=dict(resources or {}),
            answers=dict(answers or {}),
        )
        self._clock = HarnessClock()
        self._transcript = Transcript()
        self._runs: list[RunDriver] = []
        self._last_state: dict[str, dict[str, Any]] = {}
        self._loop = asyncio.new_event_loop()
        try:
            self._process = self._start_process()
        except BaseException:
            self._loop.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop every run and close the store. Calling it again does nothing.

        `report` still works; every other method of a closed harness raises ConfigError.
        """
        if self._loop.is_closed():
            return
        try:
            self._last_state = self._read_all()
        finally:
            self._run_until_complete(self._process.stop())
            self._run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def say(self, text: str, *, sender: str = "alice", group: str | None = None) -> Reply:
        """Send a message to the runner, and let the run go to its end.

        Args:
            text: The message.
            sender: The person who sends it.
            group: The group in which it is sent. Default: the private chat.

        Returns:
            The text that the chat gets, with `status`, `error`, `refused` and more.
        """
        return self.begin(text, sender=sender, group=group).finish()

    def begin(self, text: str, *, sender: str = "alice", group: str | None = None) -> Turn:
        """Send a message and begin its run, which has its snapshot then; see `Turn`.

        A second run that begins before the first one ends overlaps with it.
        """
        number = len(self._runs) + 1
        run = self._run_until_complete(self._process.begin(Chat(sender, group), text, number))
        self._runs.append(run)
        return Turn(run, self._run_until_complete)

    def restart(self) -> None:
        """Restart LangBot: runs under way are lost, and the runner is a new object."""
        self._run_until_complete(self._process.stop())
        self._process = self._start_process()

    def wait(self, seconds: float) -> None:
        """Move the clock on, for the expiry of conversations and the deadlines of runs."""
        self._clock.waited_s += seconds

    def new_conversation(self, *, sender: str = "alice", group: str | None = None) -> None:
        """Reset a conversation and its history, as an operator or a plugin does."""
        chat = Chat(sender, group)
        self._run_until_complete(self._process.chat_state.clear("conversation", chat))
        self._transcript.cut(chat.conversation_id)

    @overload
    def state(self, what: Scope, *, sender: str = ..., group: str | None = ...) -> State: ...

    @overload
    def state(self, what: type[Model], *, sender: str = ..., group: str | None = ...) -> Model: ...

    def state(
        self, what: Scope | type[StateModel], *, sender: str = "alice", group: str | None = None
    ) -> State | StateModel:
        """Read the stored state.

        Args:
            what: A scope, or the class of a model.
            sender: The person.
            group: The group. Default: the private chat.

        Returns:
            The values by state key, or the model.

        Raises:
            ScopeError: The chat has no such scope.
        """
        scope = what if isinstance(what, str) else scope_of(what)
        reading = self._process.chat_state.read(scope, Chat(sender, group))
        state = self._run_until_complete(reading)
        return state if isinstance(what, str) else what.from_state(state)

    def put(
        self,
        scope: Scope,
        values: Mapping[str, Any],
        *,
        sender: str = "alice",
        group: str | None = None,
    ) -> None:
        """Store values, such as those of an earlier version of the runner.

        Raises:
            CodecError: A value is not JSON, or outside the limits.
            InvalidKey: A key is outside the limits.
            ScopeError: The chat has no such scope.
        """
        self._run_until_complete(self._process.chat_state.write(scope, Chat(sender, group), values))

    def report(self) -> str:
        """Show the conversation so far, and the state that it left."""
        state = self._last_state if self._loop.is_closed() else self._read_all()
        return build_report(self._runs, state)

    def _read_all(self) -> dict[str, dict[str, Any]]:
        chats = [run.chat for run in self._runs]
        return self._run_until_complete(self._process.chat_state.read_all(chats))

    def _start_process(self) -> LangBotProcess:
        start = LangBotProcess.start(self._settings, self._transcript, self._clock)
        return self._run_until_complete(start)

    def _run_until_complete(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            self._check_loop()
        except Exception:
            work.close()
            raise
        with self._settings.component.modules.importable():
            return self._loop.run_until_complete(work)

    def _check_loop(self) -> None:
        if _is_in_event_loop():
            raise RuntimeError("RunnerHarness has its own event loop: make the test a plain def")
        if self._loop.is_closed():
            raise ConfigError("the harness is closed: make another")


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
