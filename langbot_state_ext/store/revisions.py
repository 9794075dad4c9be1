"""The values that one key has had since its last settled one, while runs are under way.

Pure functions over plain data. The lowest layer is settled; above it each has the run that wrote
it. A run that fails takes its layers out, and what is then on top is what the key holds; a run
that completes settles its layers, and what is below them is of no more use.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import NamedTuple, Self

from ..backends import Change, Entry
from ..state.scopes import ScopeKey


class Layer(NamedTuple):
    """One value that a key has had.

    Attributes:
        value: The encoded value; None where the key was not there.
        version: The version that the entry had with it; 0 where it was not there.
        run_id: The run that wrote it; None when it was not a run.
        expires_at: When it ends, in seconds since 1970; None for never.
        instance_id: The LangBot of the run while that is under way; None for a settled layer.
    """

    value: bytes | None
    version: int
    run_id: str | None
    expires_at: float | None
    instance_id: str | None

    @classmethod
    def settled(cls, held: Entry | None) -> Self:
        """Return what is stored as a settled layer."""
        if held is None:
            return cls(None, 0, None, None, None)
        return cls(held.value, held.version, held.run_id, held.expires_at, None)

    @classmethod
    def written(cls, change: Change, held: Entry | None, instance_id: str) -> Self:
        """Return what a run that is under way writes over `held`."""
        version = next_version(change.value, held)
        return cls(change.value, version, change.run_id, change.expires_at, instance_id)

    def is_stored(self, held: Entry | None) -> bool:
        """Return whether `held` is this layer, and nobody has written since."""
        if held is None:
            return self.value is None
        stored = (held.value, held.version, held.run_id)
        return stored == (self.value, self.version, self.run_id)


Ended = Callable[[Layer], bool]
"""Says of which layers the run has ended."""


class Record(NamedTuple):
    """What is known of one key.

    Attributes:
        scope: Whose state.
        key: The state key.
        layers: Its values, the oldest first; the first one is settled.
    """

    scope: ScopeKey
    key: str
    layers: tuple[Layer, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read what `format` returned.

        Raises:
            ValueError: It is not a record.
        """
        try:
            found = json.loads(data)
            parts = tuple((name, value) for name, value in found["parts"])
            layers = tuple(
                Layer(None if value is None else base64.b64decode(value), *rest)
                for value, *rest in found["layers"]
            )
            return cls(ScopeKey(found["scope"], parts), found["key"], layers)
        except (KeyError, TypeError) as error:
            raise ValueError("not a record") from error

    def format(self) -> bytes:
        """Return the record as it is stored."""
        layers = [
            (None if layer.value is None else base64.b64encode(layer.value).decode(), *layer[1:])
            for layer in self.layers
        ]
        scope = {"scope": self.scope.scope, "parts": self.scope.parts}
        return json.dumps({**scope, "key": self.key, "layers": layers}).encode()

    @property
    def is_open(self) -> bool:
        """Whether a run that is under way has a part in it."""
        return any(layer.instance_id is not None for layer in self.layers)

    def has(self, ended: Ended) -> bool:
        """Return whether one of those runs has a part in it."""
        return any(map(ended, self.layers))

    def with_write(self, layer: Layer, held: Entry | None) -> Self:
        """Add what a run is about to write over `held`.

        What somebody else has written without a record is settled, since it is not taken back.
        """
        layers = self.layers
        if not layers or not layers[-1].is_stored(held):
            layers = (Layer.settled(held),)
        elif layers[-1].run_id == layer.run_id and layers[-1].instance_id is not None:
            layers = layers[:-1]
        return self._replace(layers=(*layers, layer))

    def settle(self, ended: Ended) -> Self:
        """Make the values of completed runs the settled ones."""
        layers = [e._replace(instance_id=None) if ended(e) else e for e in self.layers]
        first = max(index for index, layer in enumerate(layers) if layer.instance_id is None)
        return self._replace(layers=tuple(layers[first:]))

    def take_back(self, ended: Ended, held: Entry | None) -> tuple[Self, Change | None]:
        """Take out the values of failed runs.

        Args:
            ended: The failed runs.
            held: What is stored.

        Returns:
            The record that is left, and the write that puts back what is then on top; None where
            somebody else's value stands.
        """
        top = self.layers[-1]
        if not top.is_stored(held):
            return self._replace(layers=(Layer.settled(held),)), None
        rest = [layer for layer in self.layers if not ended(layer)]
        if ended(top):
            under = rest.pop()
            rest.append(under._replace(version=next_version(under.value, held)))
        left = self._replace(layers=tuple(rest))
        return left, self._change(rest[-1], held) if ended(top) else None

    def _change(self, layer: Layer, held: Entry | None) -> Change:
        expect = held.version if held else 0
        return Change(self.scope, self.key, layer.value, expect, layer.run_id, layer.expires_at)


def next_version(value: bytes | None, held: Entry | None) -> int:
    """Return the version that an entry has after a write over `held`; 0 after a deletion."""
    if value is None:
        return 0
    return held.version + 1 if held else 1
