"""`RunLifecycle`: what happens to state in one run of a runner.

It knows runs, not LangBot. `before_message` ends a conversation that has expired; a run begins with
`before_run`, which gives the snapshot; `update` takes each of its `state.updated` in order, the
`state_` methods what it asks of the State API; `after_run` ends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any

from ..errors import BackendError
from ..state.external_id import EXTERNAL_ID_KEY, given_conversation_id
from ..state.policy import enabled_keys, locate
from ..state.protocols import BindingLike, EventLike, HasId
from ..state.scopes import ScopeKey, Snapshot, empty_snapshot
from ..store.store import LOGGER, StateStore
from ..store.undo import Overwritten, RunUndo, undo_unfinished
from ..store.updates import resolve
from .conversation_rules import DEFAULT_FORGET_ON, is_dead
from .conversations import Conversations
from .run import ActiveRun, OnFailedRun, OnUnavailable, Outcome, Resumed, Run, RunState
from .state_api import StateApi


class RunLifecycle(StateApi):
    """Gives runs their snapshot and consumes their updates.

    Args:
        store: Where the state is.
        on_failed_run: What happens to the updates of a run that did not complete: `keep`
            (default), or `rollback` to what the keys held before it.
        on_unavailable: What a run gets when the store can't be read: `fail` (default) raises,
            `continue` gives four empty scopes.
        forget_on: Texts and `re:` patterns in the error of a failed run that mean: the external
            agent has lost the conversation. Default: those of Dify and Coze.
        instance_id: This LangBot; the runs that died with it are undone by the same one.
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
        super().__init__(store)
        self.on_unavailable = on_unavailable
        self._on_failed_run = on_failed_run
        self._forget_on = tuple(forget_on)
        self._instance_id = instance_id
        self._logger = logger or LOGGER
        self._conversations = Conversations(store.backend, self._logger, clock)
        self._ended: list[tuple[RunUndo, bool]] = []

    def __contains__(self, run_id: object) -> bool:
        return run_id in self._active

    async def undo_unfinished(self) -> int:
        """Undo the runs that died with this LangBot; called once, before the first run.

        Returns:
            How many there were.

        Raises:
            BackendError: The store failed.
        """
        runs, kept = await undo_unfinished(self.store.backend, self._instance_id)
        self._report(kept)
        return len(runs)

    async def before_message(
        self,
        event: EventLike,
        binding: BindingLike,
        descriptor: HasId,
        *,
        expire_after_s: float = 0,
        idle_s: float | None = None,
    ) -> Resumed:
        """Note the next message of a conversation; clear the conversation when it has expired.

        A conversation with a run under way has not expired.

        Args:
            event: The message.
            binding: What ties it to the runner.
            descriptor: The runner.
            expire_after_s: The pipeline's `expire-time`; 0 and less (default) for never.
            idle_s: For how long this process has seen no message in it; None (default) when it
                has seen none before.

        Returns:
            The external id that the conversation goes on with, and whether it had expired.

        Raises:
            ScopeError: An id is not valid Unicode text.
            BackendError: The store failed.
        """
        key = enabled_keys(event, binding, descriptor, ("conversation",)).get("conversation")
        if key is None:
            return Resumed()
        expired = False
        if expire_after_s > 0:
            busy = any(active.conversation == key for active in self._active.values())
            expired = await self._conversations.expire_or_note_message(
                key, inf if busy else expire_after_s, idle_s
            )
        return Resumed(await self._conversations.external_id(key), expired)

    def conversation_of(self, run_id: str) -> ScopeKey | None:
        """Return whose conversation scope a run under way has; None for none."""
        active = self._active.get(run_id)
        return None if active is None else active.conversation

    async def external_id(self, conversation: ScopeKey) -> Any:
        """Return the stored external id of a conversation; None for none.

        Raises:
            BackendError: The store failed.
        """
        return await self._conversations.external_id(conversation)

    async def before_run(self, run: Run) -> Snapshot:
        """Read what a run begins with, and begin it, see `read` and `begin`."""
        state = await self.read(run.event, run.binding, run.descriptor)
        self.begin(run, state)
        return state.snapshot

    async def read(self, event: EventLike, binding: BindingLike, descriptor: HasId) -> RunState:
        """Read what a run begins with, without beginning it.

        Its `external.conversation_id` is the one that a runner stored, failing that one that
        somebody else than LangBot gave the conversation; never one that LangBot derived.

        Raises:
            ScopeError: An id is not valid Unicode text.
            BackendError: The store can't be read, and `on_unavailable` is `fail`.
        """
        keys = enabled_keys(event, binding, descriptor)
        try:
            snapshot = await self.store.read(keys.values(), seed=given_conversation_id(event))
        except BackendError as error:
            if self.on_unavailable == "fail":
                raise
            self._logger.warning(f"Runner {descriptor.id} runs without state: {error}")
            snapshot = empty_snapshot()
        return RunState(keys, snapshot)

    def begin(self, run: Run, state: RunState) -> None:
        """Begin a run; its id is known from now on.

        Args:
            run: The run.
            state: What `read` returned for it.
        """
        external_id = state.snapshot["conversation"].get(EXTERNAL_ID_KEY)
        undo = None
        if self._on_failed_run == "rollback":
            undo = RunUndo(self.store.backend, run.run_id, self._instance_id)
        self._active[run.run_id] = ActiveRun(
            state.keys, run.binding.state_policy, [external_id], undo
        )

    async def update(
        self, run_id: str, scope: str, key: str, value: Any, *, sequence: int | None = None
    ) -> Outcome | None:
        """Take one `state.updated` of a run.

        Args:
            run_id: A run that has begun and not ended.
            scope: The scope that it names, any text.
            key: The key that it names, any text.
            value: Any value.
            sequence: The number of the result; None for one without.

        Returns:
            What came of the update, which is durable by then; None for a `sequence` that this run
            has had before. A refusal is not logged here.

        Raises:
            KeyError: No such run is under way.
        """
        active = self._active[run_id]
        if sequence is not None and sequence in active.sequences:
            return None
        if sequence is not None:
            active.sequences.add(sequence)
        located = locate(scope, active.keys, active.policy)
        update = resolve(located, key, value, self.store.limits, run_id=run_id)
        return await self._apply(update, scope, key, value)

    async def after_run(self, run_id: str, status: str, reason: str | None = None) -> None:
        """End a run. A run that is not known, or has ended, is no error.

        Args:
            run_id: The run.
            status: `completed`, `failed`, `timeout` or `cancelled`.
            reason: The error of a run that did not complete.

        Raises:
            BackendError: The store failed. A run that had to be undone is undone when the next
                run ends, or when LangBot starts again.
        """
        active = self._active.get(run_id)
        if active is None:
            return
        try:
            await self._end(active, status, reason)
        finally:
            self._active.pop(run_id, None)

    async def finish_ended_runs(self) -> None:
        """Confirm or undo what ended runs wrote, also where the store failed before.

        Raises:
            BackendError: The store failed again.
        """
        for ended in tuple(self._ended):
            undo, completed = ended
            self._report(await undo.end(completed=completed))
            if ended in self._ended:
                self._ended.remove(ended)

    def discard(self, run_id: str) -> None:
        """Drop a run that will have no end, such as one that died before it was under way."""
        self._active.pop(run_id, None)

    async def _end(self, active: ActiveRun, status: str, reason: str | None) -> None:
        if active.undo is not None:
            self._ended.append((active.undo, status == "completed"))
            await self.finish_ended_runs()
        conversation = active.conversation
        if conversation is None:
            return
        if status != "completed" and is_dead(reason, self._forget_on):
            await self._conversations.forget_external(conversation, active.external_ids)
        await self._conversations.note_end_of_run(conversation)

    def _report(self, kept: Iterable[Overwritten]) -> None:
        for run_id, scope, key in kept:
            self._logger.warning(
                f"Run {run_id} failed; its {scope.scope} key {key!r} was kept: "
                "a later run overwrote it"
            )
