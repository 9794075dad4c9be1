"""`RunLifecycle`: what happens to state in one run of a runner.

It knows runs, not LangBot. A message calls `resume`, which ends a conversation that has expired; a
run begins with `before_run`, which gives the snapshot; `on_result` takes each of its results, in
order, and `write` and `delete` what it asks of the State API; `after_run` ends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any, Literal

from ..backends import Change
from ..errors import BackendError
from ..state.codec import check_key
from ..state.policy import EXTERNAL_ID_KEY, canonical_key
from ..state.protocols import BindingLike, EventLike, HasId
from ..state.scopes import VALID_STATE_SCOPES, ScopeKey
from ..store.keyed import LOGGER, Snapshot
from ..store.store import StateStore
from ..store.undo import Left, RunJournal, settle
from .conversation_rules import DEFAULT_FORGET_ON, is_dead, is_external_id
from .conversations import Continuity, conversation_key

OnFailedRun = Literal["keep", "rollback"]
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
    conversation: ScopeKey | None
    external_ids: list[Any]
    journal: RunJournal | None
    seen: set[int] = field(default_factory=set)


class RunLifecycle:
    """Gives runs their snapshot and consumes their updates.

    Args:
        store: Where the state is.
        on_failed_run: What becomes of the updates of a run that did not complete: `keep`
            (default), or `rollback` to what the keys held before it.
        on_unavailable: What a run gets when the store can't be read: `fail` (default) raises,
            `continue` gives four empty scopes.
        forget_on: By which texts and `re:` patterns a failed run says that the far side does not
            know its conversation any more. Default: those of Dify and Coze.
        instance_id: This LangBot; runs that died with it are taken back by the same one.
        logger: Where warnings go. Default: the logger `langbot_state_ext`.
        clock: Seconds since 1970. Default `time.time`.
    """

    def __init__(
        self,
        store: StateStore,
        *,
        on_failed_run: OnFailedRun = "keep",
        on_unavailable: OnUnavailable = "fail",
        forget_on: Sequence[str] = DEFAULT_FORGET_ON,
        instance_id: str = "",
        logger: Any = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.on_unavailable = on_unavailable
        self._on_failed_run = on_failed_run
        self._forget_on = tuple(forget_on)
        self._instance_id = instance_id
        self._logger = logger or LOGGER
        self._continuity = Continuity(store, self._logger, clock)
        self._active: dict[str, _Active] = {}
        self._ended: list[tuple[RunJournal, bool]] = []

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._active

    async def settle(self) -> int:
        """Take back the runs that died with this LangBot; called once, before the first run.

        Returns:
            How many there were.

        Raises:
            BackendError: The store failed.
        """
        runs, left = await settle(self.store.backend, self._instance_id)
        self._tell(left)
        return len(runs)

    async def resume(
        self,
        event: EventLike,
        binding: BindingLike,
        descriptor: HasId,
        *,
        expire_after_s: float = 0,
        idle_s: float | None = None,
    ) -> Any:
        """Take note of a conversation's next message; clear the conversation when it has expired.

        A conversation with a run under way has not expired.

        Args:
            event: The message.
            binding: What ties it to the runner.
            descriptor: The runner.
            expire_after_s: The pipeline's `expire-time`; 0 and less (default) for never.
            idle_s: For how long this process has seen no message in it; None (default) when it
                has seen none before.

        Returns:
            The external id that the conversation goes on with; None for none.

        Raises:
            BackendError: The store failed.
        """
        key = conversation_key(event, binding, descriptor)
        if key is None:
            return None
        if expire_after_s > 0:
            busy = any(active.conversation == key for active in self._active.values())
            await self._continuity.note_activity(key, inf if busy else expire_after_s, idle_s)
        return await self._continuity.external_id(key)

    def conversation_of(self, run_id: str) -> ScopeKey | None:
        """Return whose conversation scope a run under way has; None for none."""
        active = self._active.get(run_id)
        return None if active is None else active.conversation

    async def external_id(self, conversation: ScopeKey) -> Any:
        """Return the external id that the state has for a conversation; None for none.

        Raises:
            BackendError: The store failed.
        """
        return await self._continuity.external_id(conversation)

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
        conversation = conversation_key(run.event, run.binding, run.descriptor)
        external_id = snapshot["conversation"].get(EXTERNAL_ID_KEY)
        journal = None
        if self._on_failed_run == "rollback":
            journal = RunJournal(self.store.backend, run.run_id, self._instance_id)
        self._active[run.run_id] = _Active(run, conversation, [external_id], journal)
        return snapshot

    async def read_snapshot(
        self, event: EventLike, binding: BindingLike, descriptor: HasId
    ) -> Snapshot:
        """Read a snapshot as `before_run` does, without beginning a run."""
        try:
            return await self.store.build_snapshot_from_event(event, binding, descriptor)
        except BackendError as error:
            if self.on_unavailable == "fail":
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
        run = active.run
        reason = await self.store.refusal_of_update(
            run.event,
            run.binding,
            run.descriptor,
            scope,
            key,
            data.get("value"),
            write=partial(self.write, run_id),
        )
        return Outcome(scope, key, reason)

    async def write(self, run_id: str | None, scope: ScopeKey, key: str, value: Any) -> None:
        """Write one value for a run, or for one that is not known here.

        Raises:
            InvalidKey: The key is outside the limits.
            CodecError: The value is not JSON, or outside the limits.
            BackendError: The store failed; nothing was written.
        """
        change = self.store.change(scope, key, value, run_id=run_id)
        await self._commit(run_id, change)
        active = self._active.get(run_id or "")
        if active is not None and is_external_id(scope.scope, change.key):
            active.external_ids.append(value)

    async def delete(self, run_id: str | None, scope: ScopeKey, key: str) -> bool:
        """Delete one value for a run, or for one that is not known here.

        Returns:
            True when it was there.

        Raises:
            InvalidKey: The key is empty, too long, or not valid Unicode.
            BackendError: The store failed; nothing was deleted.
        """
        change = Change(scope, check_key(canonical_key(key)), None, run_id=run_id)
        if await self.store.backend.get(scope, change.key) is None:
            return False
        await self._commit(run_id, change)
        return True

    async def after_run(self, run_id: str, status: str, reason: str | None = None) -> None:
        """End a run. A run that is not known, or has ended, is no error.

        Args:
            run_id: The run.
            status: `completed`, `failed`, `timeout` or `cancelled`.
            reason: The runner's own words, for a run that did not complete.

        Raises:
            BackendError: The store failed; a run that was to be taken back will be with the next
                run's end, or when LangBot starts again.
        """
        active = self._active.get(run_id)
        if active is None:
            return
        try:
            await self._after(active, status, reason)
        finally:
            self._active.pop(run_id, None)

    async def end_journals(self) -> None:
        """Settle or take back what runs that have ended wrote; again where the store failed.

        Raises:
            BackendError: The store failed; what is not ended now is ended with the next run, or
                taken back when LangBot starts again.
        """
        for ended in tuple(self._ended):
            journal, completed = ended
            self._tell(await journal.end(completed=completed))
            if ended in self._ended:
                self._ended.remove(ended)

    def forget(self, run_id: str) -> None:
        """Drop a run that will have no end, such as one that died before it was under way."""
        self._active.pop(run_id, None)

    async def _commit(self, run_id: str | None, change: Change) -> None:
        active = self._active.get(run_id or "")
        if active is not None and active.journal is not None:
            await active.journal.commit(change)
        else:
            await self.store.backend.commit([change])

    async def _after(self, active: _Active, status: str, reason: str | None) -> None:
        conversation = active.conversation
        if active.journal is not None:
            self._ended.append((active.journal, status == "completed"))
            await self.end_journals()
        if conversation is None:
            return
        if status != "completed" and is_dead(reason, self._forget_on):
            await self._continuity.forget(conversation, active.external_ids)
        await self._continuity.touch(conversation)

    def _tell(self, left: Iterable[Left]) -> None:
        for run_id, scope, key in left:
            self._logger.warning(
                f"Run {run_id} failed, but its {scope.scope} key {key!r} stays: "
                "another run has written it since"
            )
