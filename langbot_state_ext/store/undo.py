"""Undo of failed runs: what the keys of a run held before it, and putting that back.

The revisions of a key, see `revisions`, are committed with each write of a run, in a scope of the
extension that every LangBot of the store shares. They go when the last run that wrote the key has
ended; what is left there after the death of a process says which runs never ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from typing import Literal, NamedTuple

from ..backends import Backend, Change, ScopeFilter
from ..backends.retry import commit_current
from ..errors import StateError
from ..state.policy import BOOKKEEPING_RUNNER
from ..state.scopes import ScopeKey
from .revisions import BelongsTo, KeyRevisions, Revision

LOGGER = logging.getLogger("langbot_state_ext")

REVISIONS = ScopeKey("runner", (("runner_id", BOOKKEEPING_RUNNER), ("undo", "revisions")))
"""The scope of the extension that holds the revisions."""


class Overwritten(NamedTuple):
    """A key that a failed run wrote and that is kept, since a later run overwrote it.

    Attributes:
        run_id: The failed run.
        scope: Whose state.
        key: The state key.
    """

    run_id: str
    scope: ScopeKey
    key: str


class RunUndo:
    """Makes the writes of one run, so that they can be undone.

    Args:
        backend: Where the state is.
        run_id: The run.
        instance_id: The LangBot that runs it; only that one undoes it after a death.
    """

    def __init__(self, backend: Backend, run_id: str, instance_id: str) -> None:
        self._backend = backend
        self._run_id = run_id
        self._instance_id = instance_id
        self._writing = asyncio.Lock()
        self._written: set[tuple[ScopeKey, str]] = set()
        self._end: Literal["completed", "failed"] | None = None

    async def commit(self, change: Change) -> None:
        """Commit a write of the run together with the revision that it replaces.

        When the caller is cancelled, the commit goes on, so that the end of the run can wait for
        it.

        Raises:
            StateError: The run has failed; nothing was written.
            BackendError: The store failed; nothing was written.
        """
        await asyncio.shield(asyncio.ensure_future(self._commit(change)))

    async def end(self, *, completed: bool) -> list[Overwritten]:
        """Confirm what the run has written, or undo it. Call it again when the store failed.

        Args:
            completed: Whether the run completed.

        Returns:
            The keys of a failed run that were kept.

        Raises:
            BackendError: The store failed; nothing was undone.
        """
        async with self._writing:
            self._end = "completed" if completed else "failed"
        if not self._written:
            return []
        kept = [] if completed else await self._overwritten_by_completed()
        return kept + await _end_runs(self._backend, self._is_mine, completed=completed)

    def _is_mine(self, revision: Revision) -> bool:
        return (revision.run_id, revision.instance_id) == (self._run_id, self._instance_id)

    async def _overwritten_by_completed(self) -> list[Overwritten]:
        """Return the keys that another run has overwritten, and that run has completed."""
        known = {
            (revisions.scope, revisions.key)
            async for _, _, revisions in _stored(self._backend)
            if revisions is not None and revisions.includes(self._is_mine)
        }
        return [
            Overwritten(self._run_id, scope, key)
            for scope, key in self._written - known
            if await self._backend.get(scope, key) is not None
        ]

    async def _commit(self, change: Change) -> None:
        async with self._writing:
            if self._end == "failed":
                raise StateError(f"run {self._run_id} has failed: what it writes is undone")
            if self._end == "completed":
                await self._backend.commit([change])
                return
            self._written.add((change.scope, change.key))
            await commit_current(self._backend, lambda: self._with_revision(change))

    async def _with_revision(self, change: Change) -> tuple[list[Change], None]:
        """Return a write together with the one that notes its revision."""
        name = _name(change.scope, change.key)
        noted = await self._backend.get(REVISIONS, name)
        held = await self._backend.get(change.scope, change.key)
        revisions = (noted and _parse(noted.value)) or KeyRevisions(change.scope, change.key, ())
        revisions = revisions.add(Revision.written(change, held, self._instance_id), held)
        return [
            change._replace(expect=held.version if held else 0),
            Change(REVISIONS, name, revisions.format(), noted.version if noted else 0),
        ], None


async def undo_unfinished(backend: Backend, instance_id: str) -> tuple[set[str], list[Overwritten]]:
    """Undo the runs of one LangBot that never ended; none of them may be under way.

    Returns:
        Their ids, and the keys that were kept.

    Raises:
        BackendError: The store failed; nothing was undone.
    """

    def belongs(revision: Revision) -> bool:
        return revision.instance_id == instance_id

    runs = {
        str(revision.run_id)
        async for _, _, revisions in _stored(backend)
        for revision in (revisions.revisions if revisions else ())
        if belongs(revision)
    }
    return runs, await _end_runs(backend, belongs, completed=False)


async def drop_revisions(backend: Backend, which: ScopeFilter) -> None:
    """Drop the revisions of some scopes, so that no run restores what is cleared."""
    changes = [
        Change(REVISIONS, name, None)
        async for name, _, revisions in _stored(backend)
        if revisions is not None and which.matches(revisions.scope)
    ]
    if changes:
        await backend.commit(changes)


async def _end_runs(backend: Backend, belongs: BelongsTo, *, completed: bool) -> list[Overwritten]:
    """Confirm or undo what some runs have written; return the keys of failed runs that are kept."""
    kept, unreadable = await commit_current(
        backend, lambda: _changes_at_end(backend, belongs, completed=completed)
    )
    for _ in range(unreadable):
        LOGGER.warning("The revisions of a key can't be read: they were dropped")
    return kept


async def _changes_at_end(
    backend: Backend, belongs: BelongsTo, *, completed: bool
) -> tuple[list[Change], tuple[list[Overwritten], int]]:
    """Return the writes that end some runs, the keys that are kept, and how many can't be read."""
    changes, kept, unreadable = list[Change](), list[Overwritten](), 0
    async for name, version, revisions in _stored(backend):
        rest = None
        if revisions is None:
            unreadable += 1
        elif revisions.includes(belongs):
            rest, more, overwritten = await _rest(backend, revisions, belongs, completed=completed)
            changes += more
            kept += overwritten
        else:
            continue
        data = rest.format() if rest is not None and rest.is_open else None
        changes.append(Change(REVISIONS, name, data, version))
    return changes, (kept, unreadable)


async def _rest(
    backend: Backend, revisions: KeyRevisions, belongs: BelongsTo, *, completed: bool
) -> tuple[KeyRevisions, list[Change], list[Overwritten]]:
    """Return the revisions that are left, the write that goes with them, and what was kept."""
    if completed:
        return revisions.confirm(belongs), [], []
    held = await backend.get(revisions.scope, revisions.key)
    rest, change = revisions.undo(belongs, held)
    return (rest, [change], []) if change else (rest, [], _overwritten(revisions, belongs))


async def _stored(backend: Backend) -> AsyncIterator[tuple[str, int, KeyRevisions | None]]:
    """Yield name, version and revisions of each key; None for some that can't be read."""
    for name, entry in (await backend.entries(REVISIONS)).items():
        yield name, entry.version, _parse(entry.value)


def _parse(data: bytes) -> KeyRevisions | None:
    try:
        return KeyRevisions.parse(data)
    except ValueError:
        return None


def _overwritten(revisions: KeyRevisions, belongs: BelongsTo) -> list[Overwritten]:
    runs = dict.fromkeys(str(one.run_id) for one in revisions.revisions if belongs(one))
    return [Overwritten(run_id, revisions.scope, revisions.key) for run_id in runs]


def _name(scope: ScopeKey, key: str) -> str:
    return hashlib.sha256(f"{scope.storage} {key}".encode()).hexdigest()
