"""One start of LangBot: the store, the life cycle, the runner, and its runs."""

from __future__ import annotations

from typing import Self

from langbot_plugin.api.definition.components.runner import Runner

from ...lifecycle.lifecycle import RunLifecycle
from ...lifecycle.run import Run
from ...state.external_id import uuid_after
from ...store.store import StateStore
from .chat import Chat
from .chat_state import ChatState
from .clock import HarnessClock
from .context import build_context
from .exception_observer import observe_exceptions
from .run_driver import RunDriver, RunServices
from .runtime_handler import RuntimeHandler
from .settings import Settings
from .transcript import Transcript


class LangBotProcess:
    """What LangBot loses when it restarts; `start` makes one.

    Args:
        settings: The settings of the harness.
        store: Where the state is.
        transcript: What was said in the chats.
        clock: The clock of the harness.

    Attributes:
        chat_state: The stored state.
    """

    def __init__(
        self, settings: Settings, store: StateStore, transcript: Transcript, clock: HarnessClock
    ) -> None:
        self.chat_state = ChatState(settings, store)
        lifecycle = RunLifecycle(
            store,
            on_failed_run=settings.on_failed_run,
            forget_on=settings.forget_on,
            clock=clock.now,
        )
        self._services = RunServices(settings, lifecycle, transcript, clock)
        self._store = store
        self._handler = RuntimeHandler(transcript, settings.answers)
        self._runner: Runner = settings.component.runner()
        self._last_message_at: dict[str, float] = {}

    @classmethod
    async def start(cls, settings: Settings, transcript: Transcript, clock: HarnessClock) -> Self:
        """Open the store, undo the runs that died with the process before, start the runner."""
        store = await StateStore.open(settings.store)
        try:
            process = cls(settings, store, transcript, clock)
            await process._services.lifecycle.undo_unfinished()
            await process._start_runner()
        except BaseException:
            await store.close()
            raise
        return process

    async def stop(self) -> None:
        """Kill the runs under way and close the store."""
        for run in self._handler.runs:
            await run.kill()
        await self._store.close()

    async def begin(self, chat: Chat, text: str, number: int) -> RunDriver:
        """Begin the run that answers a message.

        Args:
            chat: Where the message is sent.
            text: The message.
            number: The number of the message, from 1.
        """
        settings, transcript = self._services.settings, self._services.transcript
        run = settings.make_run(chat, number)
        uuid = await self._resume(chat, run)
        snapshot = await self._services.lifecycle.before_run(run)
        cursor = transcript.latest_cursor(chat.conversation_id)
        context = build_context(settings, chat, run, text, snapshot, uuid, number, cursor)
        transcript.add_user_message(chat.conversation_id, text, chat.sender)
        driver = RunDriver(self._services, chat, text, run, self._runner, context)
        self._handler.add(driver)
        return driver

    async def _start_runner(self) -> None:
        settings = self._services.settings
        self._runner.bind_runtime(  # type: ignore[no-untyped-call]
            plugin_runtime_handler=self._handler,
            plugin_config=settings.plugin_config,
            plugin_identity=settings.component.plugin_id,
        )
        await self._runner.initialize()
        observe_exceptions(self._runner, self._handler.record_exception)

    async def _resume(self, chat: Chat, run: Run) -> str | None:
        """Note a message; returns the uuid with which its conversation continues."""
        now = self._services.clock.now()
        last = self._last_message_at.get(chat.conversation_id)
        self._last_message_at[chat.conversation_id] = now
        resumed = await self._services.lifecycle.before_message(
            run.event,
            run.binding,
            run.descriptor,
            expire_after_s=self._services.settings.expire_time,
            idle_s=None if last is None else now - last,
        )
        if resumed.expired:
            self._services.transcript.cut(chat.conversation_id)
        return uuid_after(resumed.external_id, None)
