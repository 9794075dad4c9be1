"""`RunJournal`: keeps what the keys of a run held before it, so that a failed run is taken back.

The record of a write, see `layers`, is committed with the write itself, in a scope of our own that
every LangBot of the store shares. It goes when the last run that has a part in it ends; what is
left there after the death of a process says which runs never ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from typing import Literal, NamedTuple

from ..backends import Backend, Change, ScopeFilter
from ..errors import StateError, VersionConflict
from ..state.policy import OWN_RUNNER
from ..state.scopes import ScopeKey
from .revisions import Ended, Layer, Record

LOGGER = logging.getLogger("langbot_state_ext")

JOURNAL = ScopeKey("runner", (("runner_id", OWN_RUNNER), ("journal", "runs")))
"""The scope of ours that has the records."""


class Left(NamedTuple):
    """A key that a failed run has written, and that stays since somebody else has written it since.

    Attributes:
        run_id: The failed run.
        scope: Whose state.
        key: The state key.
    """

    run_id: str
    scope: ScopeKey
    key: str


class RunJournal:
    """The journal of one run.

    Args:
        backend: Where the state is.
        run_id: The run.
        instance_id: The LangBot that runs it; only that one takes it back after a death.
    """

    def __init__(self, backend: Backend, run_id: str, instance_id: str) -> None:
        self._backend = backend
        self._run_id = run_id
        self._instance_id = instance_id
        self._writing = asyncio.Lock()
        self._written: set[tuple[ScopeKey, str]] = set()
        self._end: Literal["completed", "failed"] | None = None

    async def commit(self, change: Change) -> None:
        """Make a write of the run and the record of what it replaces at once.

        A caller that is cancelled meanwhile leaves it to go on, so that the run's end can wait
        for it.

        Raises:
            StateError: The run has failed meanwhile; nothing was written.
            BackendError: The store failed; nothing was written.
        """
        await asyncio.shield(asyncio.ensure_future(self._commit(change)))

    async def end(self, *, completed: bool) -> list[Left]:
        """Settle what the run has written, or take it back; again where the store failed.

        Args:
            completed: Whether the run did.

        Returns:
            The keys of a failed run that were left as they are.

        Raises:
            BackendError: The store failed; nothing was put back.
        """
        async with self._writing:
            self._end = "completed" if completed else "failed"
        if not self._written:
            return []
        left = [] if completed else await self._settled_over()
        return left + await _end(self._backend, self._is_mine, completed=completed)

    def _is_mine(self, layer: Layer) -> bool:
        return (layer.run_id, layer.instance_id) == (self._run_id, self._instance_id)

    async def _settled_over(self) -> list[Left]:
        """Return the keys over which another run has written, and has completed since."""
        known = {
            (record.scope, record.key)
            async for _, _, record in _records(self._backend)
            if record is not None and record.has(self._is_mine)
        }
        return [
            Left(self._run_id, scope, key)
            for scope, key in self._written - known
            if await self._backend.get(scope, key) is not None
        ]

    async def _commit(self, change: Change) -> None:
        async with self._writing:
            if self._end == "failed":
                raise StateError(f"run {self._run_id} has failed: what it writes is taken back")
            if self._end == "completed":
                await self._backend.commit([change])
                return
            self._written.add((change.scope, change.key))
            while True:
                try:
                    await self._backend.commit(await self._recorded(change))
                except VersionConflict:
                    continue
                return

    async def _recorded(self, change: Change) -> list[Change]:
        """Return a write together with its record."""
        name = _name(change.scope, change.key)
        noted = await self._backend.get(JOURNAL, name)
        held = await self._backend.get(change.scope, change.key)
        record = (noted and _parse(noted.value)) or Record(change.scope, change.key, ())
        record = record.with_write(Layer.written(change, held, self._instance_id), held)
        return [
            change._replace(expect=held.version if held else 0),
            Change(JOURNAL, name, record.format(), noted.version if noted else 0),
        ]


async def settle(backend: Backend, instance_id: str) -> tuple[set[str], list[Left]]:
    """Take back the runs of one LangBot that never ended; none of them may be under way.

    Returns:
        Their ids, and the keys that were left as they are.

    Raises:
        BackendError: The store failed; nothing was put back.
    """
    runs = {
        str(layer.run_id)
        async for _, _, record in _records(backend)
        for layer in (record.layers if record else ())
        if layer.instance_id == instance_id
    }
    return runs, await _end(backend, lambda e: e.instance_id == instance_id, completed=False)


async def drop_records(backend: Backend, which: ScopeFilter) -> None:
    """Forget what the keys of some scopes held, so that no run brings back what is cleared."""
    changes = [
        Change(JOURNAL, name, None)
        async for name, _, record in _records(backend)
        if record is not None and which.matches(record.scope)
    ]
    if changes:
        await backend.commit(changes)


async def _end(backend: Backend, ended: Ended, *, completed: bool) -> list[Left]:
    while True:
        changes, left = list[Change](), list[Left]()
        async for name, version, record in _records(backend):
            rest = None
            if record is None:
                LOGGER.warning("A record of what a run replaced can't be read: left out")
            elif record.has(ended):
                rest, more, stays = await _rest(backend, record, ended, completed=completed)
                changes += more
                left += stays
            else:
                continue
            data = rest.format() if rest is not None and rest.is_open else None
            changes.append(Change(JOURNAL, name, data, version))
        try:
            await backend.commit(changes)
        except VersionConflict:
            continue
        return left


async def _rest(
    backend: Backend, record: Record, ended: Ended, *, completed: bool
) -> tuple[Record, list[Change], list[Left]]:
    """Return what is left of a record, the write that goes with it, and what stays."""
    if completed:
        return record.settle(ended), [], []
    held = await backend.get(record.scope, record.key)
    rest, change = record.take_back(ended, held)
    return (rest, [change], []) if change else (rest, [], _left(record, ended))


async def _records(backend: Backend) -> AsyncIterator[tuple[str, int, Record | None]]:
    """Yield name, version and record of each key; None for one that can't be read."""
    for name, entry in (await backend.entries(JOURNAL)).items():
        yield name, entry.version, _parse(entry.value)


def _parse(data: bytes) -> Record | None:
    try:
        return Record.parse(data)
    except ValueError:
        return None


def _left(record: Record, ended: Ended) -> list[Left]:
    runs = dict.fromkeys(str(layer.run_id) for layer in record.layers if ended(layer))
    return [Left(run_id, record.scope, record.key) for run_id in runs]


def _name(scope: ScopeKey, key: str) -> str:
    return hashlib.sha256(f"{scope.storage} {key}".encode()).hexdigest()
