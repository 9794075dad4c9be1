"""LangBot's calls for state, answered by the run life cycle and its store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, Self

from ..errors import ScopeError, StateError
from ..lifecycle.lifecycle import RunLifecycle
from ..lifecycle.run import Outcome, Run, RunState
from ..state.policy import Refusal, refusal_message
from ..state.scopes import ScopeKey, Snapshot, key_from_event
from .patches import Patch
from .sessions import Sessions

RUNNER = "langbot.pkg.agent.runner"

_read: ContextVar[list[RunState] | None] = ContextVar("read", default=None)
"""What was read for the run whose context LangBot is building. The run's id is known later."""

_handling: ContextVar[tuple[str, int | None] | None] = ContextVar("handling", default=None)
"""The run id and sequence of the `state.updated` that LangBot is handling."""


class HostScopeKey(str):
    """The key of a scope that LangBot passes around: text that carries our `ScopeKey`.

    Attributes:
        key: Whose state.
        run_id: The run that it was made for; None until LangBot has registered the run.
    """

    key: ScopeKey
    run_id: str | None

    __slots__ = ("key", "run_id")

    def __new__(cls, key: ScopeKey, run_id: str | None = None) -> Self:
        """Make the text from the key's storage form."""
        self = super().__new__(cls, key.storage)
        self.key = key
        self.run_id = run_id
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self


def host_patches(
    lifecycle: RunLifecycle, sessions: Sessions | None = None, *, logger: Any
) -> list[Patch]:
    """Return every patch that connects LangBot to a life cycle.

    Args:
        lifecycle: What answers LangBot's calls.
        sessions: Keeps LangBot's conversations in step with it. Default: new ones.
        logger: LangBot's logger.
    """
    sessions = sessions or Sessions(lifecycle, logger=logger)
    return [*Adapter(lifecycle, sessions, logger=logger).patches(), *sessions.patches()]


class Adapter:
    """Answers LangBot's calls for state.

    Args:
        lifecycle: What answers them.
        sessions: Gets each accepted external id.
        logger: LangBot's logger.
    """

    def __init__(self, lifecycle: RunLifecycle, sessions: Sessions, *, logger: Any) -> None:
        self._lifecycle = lifecycle
        self._store = lifecycle.store
        self._sessions = sessions
        self._logger = logger
        self._stop_watching: dict[str, Callable[[], object]] = {}

    def patches(self) -> list[Patch]:
        """Return the patches of LangBot's calls for state."""
        store = "persistent_state_store.PersistentStateStore"
        journal = "run_journal.AgentRunJournal"
        replacements: dict[str, Callable[..., Any]] = {
            f"{store}.build_snapshot_from_event": self._build_snapshot,
            f"{store}.apply_update_from_event": self._apply_update,
            f"{store}.state_get": self._state_get,
            f"{store}.state_set": self._state_set,
            f"{store}.state_delete": self._state_delete,
            f"{store}.state_list": self._state_list,
            f"{store}.clear_all": self._clear_all,
            "state_scope.build_state_scope_key": self._build_scope_key,
            "context_builder.RunnerContextBuilder.build_context_from_event": self._build_context,
            "session_registry.AgentRunSessionRegistry.register": self._register,
            f"{journal}.handle_state_updated_event": self._handle_update,
            f"{journal}.finalize_run": self._finalize,
        }
        return [
            Patch(f"{RUNNER}.{module}", attribute, function)
            for place, function in replacements.items()
            for module, _, attribute in [place.partition(".")]
        ]

    async def _build_snapshot(
        self, _original: Any, *, event: Any, binding: Any, descriptor: Any
    ) -> Snapshot:
        state = await self._lifecycle.read(event, binding, descriptor)
        read = _read.get()
        if read is not None:
            read.append(state)
        return state.snapshot

    async def _build_context(
        self, original: Any, *, event: Any, binding: Any, descriptor: Any, **_rest: Any
    ) -> Any:
        """Begin the run; only the finished context has its id."""
        read: list[RunState] = []
        token = _read.set(read)
        try:
            context = await original()
        finally:
            _read.reset(token)
        run_id = context["run_id"]
        if not read:
            self._logger.warning(f"Run {run_id} has no state: LangBot did not read its snapshot")
            return context
        self._lifecycle.begin(Run(run_id, event, binding, descriptor), read[-1])
        self._discard_at_end_of_task(run_id)
        return context

    def _discard_at_end_of_task(self, run_id: str) -> None:
        """Clean up after a run that LangBot never finalizes, such as one that fails too early."""
        task = asyncio.current_task()
        if task is None:
            return

        def discard(_task: Any) -> None:
            self._stop_watching.pop(run_id, None)
            self._lifecycle.discard(run_id)

        task.add_done_callback(discard)
        self._stop_watching[run_id] = partial(task.remove_done_callback, discard)

    def _build_scope_key(
        self, _original: Any, *, scope: str, event: Any, binding: Any, descriptor: Any
    ) -> HostScopeKey | None:
        try:
            key = key_from_event(scope, event, binding, descriptor)
        except ScopeError:
            return None
        return None if key is None else HostScopeKey(key)

    async def _register(
        self, original: Any, *, run_id: str, state_context: Any, **_rest: Any
    ) -> None:
        """Add the run id to the scope keys that the State API uses."""
        keys: dict[str, str] = (state_context or {}).get("scope_keys", {})
        for scope, key in keys.items():
            if isinstance(key, HostScopeKey):
                keys[scope] = HostScopeKey(key.key, run_id)
        await original()

    async def _handle_update(
        self, original: Any, *, result_dict: Any, run_id: str | None, **_rest: Any
    ) -> None:
        token = _handling.set((run_id, result_dict.get("sequence")) if run_id else None)
        try:
            await original()
        finally:
            _handling.reset(token)

    async def _apply_update(
        self,
        _original: Any,
        *,
        event: Any,
        binding: Any,
        descriptor: Any,
        scope: str,
        key: str,
        value: Any,
        **_rest: Any,
    ) -> tuple[bool, str | None]:
        """Write one update. LangBot logs the refusal that it gets back."""
        run_id, sequence = _handling.get() or (None, None)
        if run_id is None or run_id not in self._lifecycle:
            update = await self._store.update_from_event(
                event, binding, descriptor, scope, key, value
            )
            return _answer(scope, key, update.reason if isinstance(update, Refusal) else None)
        outcome = await self._lifecycle.update(run_id, scope, key, value, sequence=sequence)
        if outcome is None:
            return True, None
        await self._sessions.sync_uuid(run_id, outcome, value)
        return _answer(scope, key, outcome.refusal)

    async def _finalize(
        self, original: Any, *, run_id: str, status: str, status_reason: str | None, **_rest: Any
    ) -> Any:
        try:
            return await original()
        finally:
            await self._end(run_id, status, status_reason)

    async def _end(self, run_id: str, status: str, reason: str | None) -> None:
        stop_watching = self._stop_watching.pop(run_id, None)
        if stop_watching is not None:
            stop_watching()
        key = self._lifecycle.conversation_of(run_id)
        try:
            await self._lifecycle.after_run(run_id, status, reason)
            if status != "completed" and key is not None:
                await self._sessions.refresh_uuid(run_id, key)
        except StateError as error:
            self._logger.warning(f"The end of run {run_id} could not be stored: {error}")

    async def _state_get(self, _original: Any, *, scope_key: str, state_key: str) -> Any:
        return await self._store.get(_key(scope_key), state_key)

    async def _state_set(
        self,
        _original: Any,
        *,
        scope_key: str,
        state_key: str,
        value: Any,
        runner_id: str,
        scope: str,
        **_rest: Any,
    ) -> tuple[bool, str | None]:
        run_id = getattr(scope_key, "run_id", None)
        try:
            outcome = await self._lifecycle.state_set(run_id, _key(scope_key), state_key, value)
        except ScopeError as error:
            outcome = Outcome(scope, state_key, str(error))
        await self._sessions.sync_uuid(run_id, outcome, value)
        done, reason = _answer(scope, state_key, outcome.refusal)
        if not done:
            self._logger.warning(f"Runner {runner_id} State API refused: {reason}")
        return done, reason

    async def _state_delete(self, _original: Any, *, scope_key: str, state_key: str) -> bool:
        run_id = getattr(scope_key, "run_id", None)
        return await self._lifecycle.state_delete(run_id, _key(scope_key), state_key)

    async def _state_list(
        self, _original: Any, *, scope_key: str, prefix: str | None, limit: int
    ) -> tuple[list[str], bool]:
        return await self._lifecycle.state_list(_key(scope_key), prefix, limit)

    async def _clear_all(self, _original: Any) -> None:
        await self._store.clear_all()


def _key(scope_key: str) -> ScopeKey:
    if isinstance(scope_key, HostScopeKey):
        return scope_key.key
    raise ScopeError(f"scope key {scope_key!r} does not belong to a run under this extension")


def _answer(scope: str, key: str, refusal: str | None) -> tuple[bool, str | None]:
    """Return what LangBot expects of a write: whether it was made, and why not."""
    return (True, None) if refusal is None else (False, refusal_message(scope, key, refusal))
