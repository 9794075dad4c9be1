"""`RunJournal`: what the keys of one run held before it, so that a failed run can be taken back.

The record of a write is committed with the write itself, in a scope of our own, and is cleared
when the run has ended. What is left there after the death of a process says which runs never
ended; `RunJournal.left_behind` finds them.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Self

from .backends import Backend, Change, Entry, ScopeFilter
from .errors import VersionConflict
from .keyed import LOGGER
from .policy import OWN_RUNNER
from .scopes import ScopeKey

Place = tuple[ScopeKey, str]


@dataclass
class Record:
    """What is known of one key that the run has written.

    Attributes:
        before: The entry that the run found; None when there was none.
        deleted: Whether the run's last write deleted it.
    """

    before: Entry | None
    deleted: bool


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
        parts = (("runner_id", OWN_RUNNER), ("instance_id", instance_id), ("run_id", run_id))
        self._scope = ScopeKey("runner", parts)
        self._records: dict[Place, Record] = {}
        self._writing = asyncio.Lock()

    @property
    def run_id(self) -> str:
        """The run."""
        return self._run_id

    @classmethod
    async def left_behind(cls, backend: Backend, instance_id: str) -> AsyncIterator[Self]:
        """Yield the journals of runs that never ended."""
        which = ScopeFilter(parts={"runner_id": OWN_RUNNER, "instance_id": instance_id})
        for scope in (await backend.scopes(which, None, 10_000)).scopes:
            journal = cls(backend, scope.key.part("run_id") or "", instance_id)
            for entry in (await backend.entries(scope.key)).values():
                try:
                    place, record = _parse(entry.value)
                except (ValueError, KeyError, TypeError):
                    LOGGER.warning("A record of run %s can't be read: left out", journal.run_id)
                    continue
                journal._records[place] = record
            yield journal

    async def commit(self, change: Change) -> None:
        """Make a write of the run, and the record of what it replaces, at once.

        Raises:
            BackendError: The store failed; nothing was written.
        """
        place = (change.scope, change.key)
        async with self._writing:
            while True:
                held = await self._backend.get(*place)
                record = self._record(place, held, deleted=change.value is None)
                expected = change._replace(expect=held.version if held else 0)
                self._records[place] = record  # before it, since a cancelled commit may go on
                try:
                    await self._backend.commit([expected, self._note(place, record)])
                except VersionConflict:
                    continue
                return

    async def close(self) -> None:
        """Forget the journal: the run has ended well."""
        if self._records:
            await self._backend.clear(ScopeFilter(key=self._scope))

    async def roll_back(self) -> list[Place]:
        """Put back what the run found, where nobody has written since, and forget the journal.

        Returns:
            The keys that another run has written since, and that were left as they are.

        Raises:
            BackendError: The store failed; nothing was put back.
        """
        while True:
            changes, left = await self._reversal()
            journal = await self._backend.entries(self._scope)
            changes += [Change(self._scope, name, None) for name in journal]
            try:
                await self._backend.commit(changes)
            except VersionConflict:
                continue
            return left

    def disown(self, failed: RunJournal) -> None:
        """Take what a failed run had written for what it had found, since that is there no more."""
        for place, record in self._records.items():
            before = record.before
            if before is not None and before.run_id == failed.run_id and place in failed._records:
                record.before = failed._records[place].before

    async def _reversal(self) -> tuple[list[Change], list[Place]]:
        changes, left = list[Change](), list[Place]()
        for place, record in self._records.items():
            held = await self._backend.get(*place)
            if self._is_ours(record, held) or held == record.before:
                changes.append(_undo(place, record, held))
            else:
                left.append(place)
        return changes, left

    def _record(self, place: Place, held: Entry | None, *, deleted: bool) -> Record:
        """Return the record of a write; the first find stays, unless another run came between."""
        record = self._records.get(place)
        if record is not None and self._is_ours(record, held):
            return Record(record.before, deleted)
        return Record(held, deleted)

    def _note(self, place: Place, record: Record) -> Change:
        scope, key = place
        name = hashlib.sha256(f"{scope.storage} {key}".encode()).hexdigest()
        return Change(self._scope, name, _format(place, record))

    def _is_ours(self, record: Record, held: Entry | None) -> bool:
        return record.deleted if held is None else held.run_id == self._run_id


def _undo(place: Place, record: Record, held: Entry | None) -> Change:
    version = held.version if held else 0
    before = record.before
    if before is None:
        return Change(*place, None, version)
    return Change(*place, before.value, version, before.run_id, before.expires_at)


def _format(place: Place, record: Record) -> bytes:
    scope, key = place
    data: dict[str, Any] = {
        "scope": scope.scope,
        "parts": scope.parts,
        "key": key,
        "deleted": record.deleted,
        "before": None,
    }
    if record.before is not None:
        value = base64.b64encode(record.before.value).decode()
        data["before"] = record.before._replace(value=value)  # type: ignore[arg-type]
    return json.dumps(data).encode()


def _parse(data: bytes) -> tuple[Place, Record]:
    found = json.loads(data)
    scope = ScopeKey(found["scope"], tuple((name, value) for name, value in found["parts"]))
    before = None
    if found["before"] is not None:
        value, *rest = found["before"]
        before = Entry(base64.b64decode(value), *rest)
    return (scope, found["key"]), Record(before, found["deleted"])
