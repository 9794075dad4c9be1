"""`RunLifecycle`: what happens to state in one run of a runner.

It knows runs, not LangBot. A run begins with `before_run`, which gives the snapshot; `on_result`
takes each of its results, in order; `after_run` ends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .errors import BackendError
from .keyed import LOGGER, Snapshot
from .scopes import VALID_STATE_SCOPES, BindingLike, EventLike, HasId
from .store import StateStore

OnUnavailable = Literal["fail", "continue"]


@dataclass(frozen=True)
class Run:
    """One run of a runner.

    Attributes:
        run_id: Its id, unique.
        event: What it answers.
        binding: What tied the event to the runner.
        descriptor: The runner.
    """

    run_id: str
    event: EventLike
    binding: BindingLike
    descriptor: HasId


@dataclass(frozen=True)
class Outcome:
    """What became of one `state.updated`.

    Attributes:
        scope: The scope it named.
        key: The key it named.
        refusal: Why it was refused; None when it was kept. Never holds the value.
    """

    scope: str
    key: str
    refusal: str | None

    @property
    def kept(self) -> bool:
        """Whether the update was kept."""
        return self.refusal is None


@dataclass
class _Active:
    run: Run
    seen: set[int] = field(default_factory=set)


class RunLifecycle:
    """Gives runs their snapshot and consumes their updates.

    Args:
        store: Where the state is.
        on_unavailable: What a run gets when the store can't be read: `fail` (default) raises,
            `continue` gives four empty scopes.
        logger: Where warnings go. Default: the logger `langbot_state_ext`.
    """

    def __init__(
        self, store: StateStore, *, on_unavailable: OnUnavailable = "fail", logger: Any = None
    ) -> None:
        self.store = store
        self._on_unavailable = on_unavailable
        self._logger = logger or LOGGER
        self._active: dict[str, _Active] = {}

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._active

    async def before_run(self, run: Run) -> Snapshot:
        """Begin a run.

        Args:
            run: The run; its id is known from now on.

        Returns:
            Its state by scope and key, always the four scopes.

        Raises:
            BackendError: The store can't be read, and `on_unavailable` is `fail`.
        """
        snapshot = await self.read_snapshot(run.event, run.binding, run.descriptor)
        self._active[run.run_id] = _Active(run)
        return snapshot

    async def read_snapshot(
        self, event: EventLike, binding: BindingLike, descriptor: HasId
    ) -> Snapshot:
        """Read a snapshot as `before_run` does, without beginning a run."""
        try:
            return await self.store.build_snapshot_from_event(event, binding, descriptor)
        except BackendError as error:
            if self._on_unavailable == "fail":
                raise
            self._logger.warning(f"Runner {descriptor.id} runs without state: {error}")
            return {scope: {} for scope in VALID_STATE_SCOPES}

    async def on_result(self, run_id: str, result: Mapping[str, Any]) -> Outcome | None:
        """Take one result of a run.

        Args:
            run_id: A run that has begun and not ended.
            result: The result as LangBot has it: `type`, `data`, `sequence`.

        Returns:
            What became of the update, which is durable by then; None for a result of another
            type, and for a `sequence` that this run has had before. A refusal is not logged here.

        Raises:
            KeyError: No such run is under way.
        """
        active = self._active[run_id]
        sequence = result.get("sequence")
        if result.get("type") != "state.updated" or sequence in active.seen:
            return None
        if sequence is not None:
            active.seen.add(sequence)
        data: Mapping[str, Any] = result.get("data") or {}
        scope, key = str(data.get("scope")), data.get("key", "")
        reason = await self.store.refusal_of_update(
            active.run.event,
            active.run.binding,
            active.run.descriptor,
            scope,
            key,
            data.get("value"),
            run_id=run_id,
        )
        return Outcome(scope, key, reason)

    async def after_run(self, run_id: str, status: str, reason: str | None = None) -> None:
        """End a run. A run that is not known, or has ended, is no error.

        Args:
            run_id: The run.
            status: `completed`, `failed`, `timeout` or `cancelled`.
            reason: The runner's own words, for a run that did not complete.
        """
        self.forget(run_id)
        self._logger.debug(f"Run {run_id} ended: {status} {reason or ''}".rstrip())

    def forget(self, run_id: str) -> None:
        """Drop a run that will have no end, such as one that died before it was under way."""
        self._active.pop(run_id, None)
