"""The values that one key has had since it was last confirmed, while runs are under way.

Pure functions over plain data. The lowest revision is confirmed; each above it belongs to the run
that wrote it. A run that completes confirms its revisions, and those below are dropped. A run that
fails takes its revisions out, and the key gets back what is then on top.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import NamedTuple, Self

from ..backends import Change, Entry
from ..state.scopes import ScopeKey


class Revision(NamedTuple):
    """One value that a key has had.

    Attributes:
        value: The encoded value; None where the key was not there.
        version: The version that the entry had with it; 0 where it was not there.
        run_id: The run that wrote it; None when it was not a run.
        expires_at: When it expires, in seconds since 1970; None for never.
        instance_id: The LangBot of the run while that is under way; None once it is confirmed.
    """

    value: bytes | None
    version: int
    run_id: str | None
    expires_at: float | None
    instance_id: str | None

    @classmethod
    def confirmed(cls, held: Entry | None) -> Self:
        """Return what is stored as a confirmed revision."""
        if held is None:
            return cls(None, 0, None, None, None)
        return cls(held.value, held.version, held.run_id, held.expires_at, None)

    @classmethod
    def written(cls, change: Change, held: Entry | None, instance_id: str) -> Self:
        """Return what a run that is under way writes over `held`."""
        version = _next_version(change.value, held)
        return cls(change.value, version, change.run_id, change.expires_at, instance_id)

    def is_stored(self, held: Entry | None) -> bool:
        """Return whether `held` is this revision, and nobody has written since."""
        if held is None:
            return self.value is None
        stored = (held.value, held.version, held.run_id)
        return stored == (self.value, self.version, self.run_id)


BelongsTo = Callable[[Revision], bool]
"""Says whether a revision belongs to the runs in question."""


class KeyRevisions(NamedTuple):
    """The revisions of one key.

    Attributes:
        scope: Whose state.
        key: The state key.
        revisions: Its values, the oldest first; the first one is confirmed.
    """

    scope: ScopeKey
    key: str
    revisions: tuple[Revision, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read what `format` returned.

        Raises:
            ValueError: It is something else.
        """
        try:
            found = json.loads(data)
            parts = tuple((name, value) for name, value in found["parts"])
            revisions = tuple(
                Revision(None if value is None else base64.b64decode(value), *rest)
                for value, *rest in found["revisions"]
            )
            return cls(ScopeKey(found["scope"], parts), found["key"], revisions)
        except (KeyError, TypeError) as error:
            raise ValueError("these are no revisions of a key") from error

    def format(self) -> bytes:
        """Return the revisions as they are stored."""
        revisions = [
            (None if one.value is None else base64.b64encode(one.value).decode(), *one[1:])
            for one in self.revisions
        ]
        scope = {"scope": self.scope.scope, "parts": self.scope.parts}
        return json.dumps({**scope, "key": self.key, "revisions": revisions}).encode()

    @property
    def is_open(self) -> bool:
        """Whether one belongs to a run that is under way."""
        return any(one.instance_id is not None for one in self.revisions)

    def includes(self, belongs: BelongsTo) -> bool:
        """Return whether one belongs to the runs in question."""
        return any(map(belongs, self.revisions))

    def add(self, revision: Revision, held: Entry | None) -> Self:
        """Add what a run is about to write over `held`.

        A value that was written in another way is confirmed, since no run undoes it.
        """
        revisions = self.revisions
        if not revisions or not revisions[-1].is_stored(held):
            revisions = (Revision.confirmed(held),)
        elif revisions[-1].run_id == revision.run_id and revisions[-1].instance_id is not None:
            revisions = revisions[:-1]
        return self._replace(revisions=(*revisions, revision))

    def confirm(self, belongs: BelongsTo) -> Self:
        """Confirm the values of runs that completed."""
        revisions = [
            one._replace(instance_id=None) if belongs(one) else one for one in self.revisions
        ]
        first = max(index for index, one in enumerate(revisions) if one.instance_id is None)
        return self._replace(revisions=tuple(revisions[first:]))

    def undo(self, belongs: BelongsTo, held: Entry | None) -> tuple[Self, Change | None]:
        """Take out the values of runs that failed.

        Args:
            belongs: The failed runs.
            held: What is stored.

        Returns:
            The revisions that are left, and the write that puts back the one that is then on top;
            None where the value of somebody else is stored.
        """
        top = self.revisions[-1]
        if not top.is_stored(held):
            return self._replace(revisions=(Revision.confirmed(held),)), None
        rest = [one for one in self.revisions if not belongs(one)]
        if belongs(top):
            under = rest.pop()
            rest.append(under._replace(version=_next_version(under.value, held)))
        left = self._replace(revisions=tuple(rest))
        return left, self._change(rest[-1], held) if belongs(top) else None

    def _change(self, revision: Revision, held: Entry | None) -> Change:
        expect = held.version if held else 0
        value, expires_at = revision.value, revision.expires_at
        return Change(self.scope, self.key, value, expect, revision.run_id, expires_at)


def _next_version(value: bytes | None, held: Entry | None) -> int:
    """Return the version that an entry has after a write over `held`; 0 after a deletion."""
    if value is None:
        return 0
    return held.version + 1 if held else 1
