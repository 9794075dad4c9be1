"""LangBot's calls for state, led to the store and the run life cycle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, Self

from ..errors import ScopeError, StateError
from ..lifecycle.run import Run, RunLifecycle
from ..state.policy import shown_key
from ..state.scopes import VALID_STATE_SCOPES, ScopeKey, key_from_event
from ..store.keyed import Snapshot
from .patches import Patch
from .sessions import Sessions

RUNNER = "langbot.pkg.agent.runner"

_STATE_API_KEYS = 100

_building: ContextVar[bool] = ContextVar("building", default=False)
"""Whether LangBot is building a run's context; its snapshot then comes with the run's id."""

_handling: ContextVar[tuple[str, Any] | None] = ContextVar("handling", default=None)
"""The run id and sequence of the `state.updated` that LangBot is handling."""


class HostScopeKey(str):
    """The key that LangBot carries for a scope: text for LangBot, a `ScopeKey` for us.

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


def table(lifecycle: RunLifecycle, *, logger: Any, sync_uuid: bool = True) -> list[Patch]:
    """Return the one table of patches that lead LangBot to a life cycle.

    Args:
        lifecycle: Where its calls go.
        logger: LangBot's logger.
        sync_uuid: Whether the external id is the conversation's uuid.
    """
    sessions = Sessions(lifecycle, logger=logger, sync_uuid=sync_uuid)
    return [*Adapter(lifecycle, sessions, logger=logger).table(), *sessions.table()]


class Adapter:
    """Answers LangBot's calls for state.

    Args:
        lifecycle: Where they go.
        logger: LangBot's logger.
        sessions: What is told of an external id.
    """

    def __init__(self, lifecycle: RunLifecycle, sessions: Sessions, *, logger: Any) -> None:
        self._lifecycle = lifecycle
        self._store = lifecycle.store
        self._sessions = sessions
        self._logger = logger
        self._unwatch: dict[str, Callable[[], object]] = {}

    def table(self) -> list[Patch]:
        """Return the patches of LangBot's calls for state."""
        store = "persistent_state_store.PersistentStateStore"
        journal = "run_journal.AgentRunJournal"
        table: dict[str, Callable[..., Any]] = {
            f"{store}.build_snapshot_from_event": self._snapshot,
            f"{store}.apply_update_from_event": self._apply,
            f"{store}.state_get": self._get,
            f"{store}.state_set": self._set,
            f"{store}.state_delete": self._delete,
            f"{store}.state_list": self._list,
            f"{store}.clear_all": self._clear_all,
            "state_scope.build_state_scope_key": self._scope_key,
            "context_builder.RunnerContextBuilder.build_context_from_event": self._build_context,
            "session_registry.AgentRunSessionRegistry.register": self._register,
            f"{journal}.handle_state_updated_event": self._handle_update,
            f"{journal}.finalize_run": self._finalize,
        }
        return [
            Patch(f"{RUNNER}.{module}", attribute, function)
            for place, function in table.items()
            for module, _, attribute in [place.partition(".")]
        ]

    async def _snapshot(self, _original: Any, *, event: Any, binding: Any, descriptor: Any) -> Any:
        if _building.get():
            return _empty()
        return await self._lifecycle.read_snapshot(event, binding, descriptor)

    async def _build_context(
        self, original: Any, *, event: Any, binding: Any, descriptor: Any, **_rest: Any
    ) -> Any:
        token = _building.set(True)
        try:
            context = await original()
        finally:
            _building.reset(token)
        run_id = context["run_id"]
        context["state"] = await self._lifecycle.before_run(Run(run_id, event, binding, descriptor))
        self._watch(run_id)
        return context

    def _watch(self, run_id: str) -> None:
        """Clean up after a run that LangBot never finalizes, such as one that dies too early."""
        task = asyncio.current_task()
        if task is None:
            return

        def forget(_task: Any) -> None:
            self._unwatch.pop(run_id, None)
            self._lifecycle.forget(run_id)

        task.add_done_callback(forget)
        self._unwatch[run_id] = partial(task.remove_done_callback, forget)

    def _scope_key(
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
        """Let the scope keys of the State API know their run."""
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

    async def _apply(
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
        """Write one update; LangBot logs the refusal that it gets back."""
        run_id, sequence = _handling.get() or (None, None)
        if run_id is not None and run_id in self._lifecycle:
            data = {"scope": scope, "key": key, "value": value}
            result = {"type": "state.updated", "sequence": sequence, "data": data}
            outcome = await self._lifecycle.on_result(run_id, result)
            refusal = outcome and outcome.refusal
        else:
            refusal = await self._store.refusal_of_update(
                event, binding, descriptor, scope, key, value
            )
        if refusal:
            return False, f"{scope} key {shown_key(key)}: {refusal}"
        await self._sessions.sync(run_id, scope, key, value)
        return True, None

    async def _finalize(
        self, original: Any, *, run_id: str, status: str, status_reason: str | None, **_rest: Any
    ) -> Any:
        try:
            return await original()
        finally:
            await self._end(run_id, status, status_reason)

    async def _end(self, run_id: str, status: str, reason: str | None) -> None:
        unwatch = self._unwatch.pop(run_id, None)
        if unwatch is not None:
            unwatch()
        key = self._lifecycle.conversation_of(run_id)
        try:
            await self._lifecycle.after_run(run_id, status, reason)
            if status != "completed" and key is not None:
                await self._sessions.follow(run_id, key)
        except StateError as error:
            self._logger.warning(f"State of run {run_id} could not be settled: {error}")

    async def _get(self, _original: Any, *, scope_key: str, state_key: str) -> Any:
        return await self._store.get(_key(scope_key), state_key)

    async def _set(
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
            await self._lifecycle.write(run_id, _key(scope_key), state_key, value)
        except StateError as error:
            reason = f"{scope} key {shown_key(state_key)}: {error}"
            self._logger.warning(f"Runner {runner_id} State API refused: {reason}")
            return False, reason
        await self._sessions.sync(run_id, scope, state_key, value)
        return True, None

    async def _delete(self, _original: Any, *, scope_key: str, state_key: str) -> bool:
        run_id = getattr(scope_key, "run_id", None)
        return await self._lifecycle.delete(run_id, _key(scope_key), state_key)

    async def _list(
        self, _original: Any, *, scope_key: str, prefix: str | None, limit: int
    ) -> tuple[list[str], bool]:
        capped = max(1, min(limit, _STATE_API_KEYS))
        return await self._store.list(_key(scope_key), prefix or "", capped)

    async def _clear_all(self, _original: Any) -> None:
        await self._store.clear_all()


def _key(scope_key: str) -> ScopeKey:
    if isinstance(scope_key, HostScopeKey):
        return scope_key.key
    raise ScopeError(f"scope key {scope_key!r} does not belong to a run under this extension")


def _empty() -> Snapshot:
    return {scope: {} for scope in VALID_STATE_SCOPES}
