"""`StateModel`: a runner's state as a typed object."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, Unpack

from langbot_plugin.api.definition.components.runner import RunnerContext, RunnerResult
from pydantic import BaseModel, ConfigDict, PrivateAttr

from ..errors import ModelError
from ..state.external_id import EXTERNAL_ID_KEY
from ..state.scopes import Scope
from .layout import CLASS_ARGUMENTS, FieldKeys, Layout, OnMisfit, Stored, Upgrade
from .reading import check_defaults, fitting, json_of, upgraded, value_of
from .storable import build


@dataclass
class _Stored:
    """What a model knows of what is stored.

    Attributes:
        fields: By field, the JSON that needs no writing; a field that is absent must be written.
        former: The former keys that are still stored.
        version: The stored version; None when there is none.
        stale: Whether what is stored could not be upgraded.
    """

    fields: dict[str, bytes] = field(default_factory=dict)
    former: list[str] = field(default_factory=list)
    version: int | None = None
    stale: bool = False


class StateModel(BaseModel):
    """State of one scope, with types and defaults; inherit, and name the scope.

        class Prefs(StateModel, scope="actor", prefix="prefs."):
            language: str = "en"

    A field is stored under the prefix and its name, or where its `Key` says. Assignments are
    checked. A field that is declared with `exclude=True` is not stored.

    Class arguments:
        scope: `conversation`, `actor`, `subject` or `runner`.
        prefix: How the keys begin; ends with a dot. Not needed when every field has a `Key`.
        version: The version of what is stored, 1 and more. Default 1.
        upgrades: By version, a function that makes its stored values, all that are under the prefix
            by state key, into those of the next version; one for every version below `version`.
        on_misfit: What happens to a stored value that no longer fits its field: `default`
            (default) reads the field's default and logs a line, `raise` raises `MisfitValue`. So
            does one at which an upgrade or a validator raises.

    Raises:
        ModelError: At the class's creation, when it can't be stored, or its defaults could not be
            read back.
    """

    model_config = ConfigDict(
        extra="forbid",
        validate_assignment=True,
        allow_inf_nan=False,
        ser_json_inf_nan="constants",  # so that such a number is found, and not written as null
        defer_build=True,  # so that a field that is not JSON is ours to name
    )

    _layout: ClassVar[Layout]
    _stored: _Stored = PrivateAttr(default_factory=_Stored)

    def __init_subclass__(
        cls,
        *,
        scope: Scope | None = None,
        prefix: str | None = None,
        version: int | None = None,
        upgrades: Mapping[int, Upgrade] | None = None,
        on_misfit: OnMisfit | None = None,
        **kwargs: Unpack[ConfigDict],
    ) -> None:
        for name in kwargs:
            known = ", ".join(CLASS_ARGUMENTS)
            raise ModelError(f"{cls.__name__}: no class argument is called {name}, only {known}")
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, **given: Any) -> None:
        """Check the class, see `Layout.of`."""
        taken = [name for name in cls.model_fields if hasattr(StateModel, name)]
        if taken:
            raise ModelError(f"{cls.__name__}.{taken[0]} is a method of StateModel: rename it")
        inherited = getattr(cls, "_layout", None)
        cls._layout = Layout.of(cls, {**(inherited.arguments if inherited else {}), **given})
        build(cls)
        check_defaults(cls, cls._layout.fields)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def load(cls, ctx: RunnerContext) -> Self:
        """Read the snapshot that the run began with.

        Args:
            ctx: The run's context.

        Returns:
            A model of its own; fields that are not stored have their defaults. What LangBot puts
            in place of an `external.conversation_id` that is not stored, its own id of the
            conversation, counts as not stored; the id that LangBot makes up after a reset, where
            its operator has not enabled the extension, can't be told from a stored one, which
            `fetch` can.

        Raises:
            MisfitValue: A stored value doesn't fit, and the class has `on_misfit="raise"`.
        """
        state: Mapping[str, Any] = getattr(ctx.state, cls._layout.scope)
        seed = ctx.conversation.conversation_id if ctx.conversation else None
        return cls.from_state(
            {k: v for k, v in state.items() if k != EXTERNAL_ID_KEY or v is None or v != seed}
        )

    @classmethod
    async def fetch(cls, ctx: RunnerContext) -> Self:
        """Read what is stored now, through the State API; otherwise as `load`.

        What LangBot puts in place of an `external.conversation_id` that is not stored is not seen
        at all. Updates that were yielded in the same run may not be seen yet. An upgrade gets the
        first 100 keys under the prefix, besides those of the fields.

        Raises:
            MisfitValue: As for `load`.
            AgentAPIException: LangBot refused, or did not answer before the run's deadline.
        """
        scope, keys = cls._layout.scope, cls._layout.keys
        if cls._layout.version > 1:
            listed = await ctx.state_list(scope, prefix=cls._layout.prefix)
            keys = list(dict.fromkeys([*keys, *listed["keys"]]))
        answers = await asyncio.gather(*(ctx.state_get(scope, key) for key in keys))
        state = {key: answer["value"] for key, answer in zip(keys, answers, strict=True)}
        nulls = [key for key, value in state.items() if value is None]
        lists = await asyncio.gather(*(ctx.state_list(scope, prefix=key) for key in nulls))
        for key, listed in zip(nulls, lists, strict=True):
            if key not in listed["keys"]:
                del state[key]
        return cls.from_state(state)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Read one scope's state, such as a test has it.

        Args:
            state: Stored JSON values by state key; other keys may be among them.

        Raises:
            MisfitValue: As for `load`.
        """
        layout = cls._layout
        stored = {key: state[key] for key in layout.own(state)}
        version = _version(stored.pop(layout.version_key, None))
        present = upgraded(cls, layout, stored, version or 1) if stored else stored
        stale = present is None
        if present is None:
            stored = present = {}
        found = {name: keys.first(present) for name, keys in layout.fields.items()}
        self = fitting(cls, layout, {name: present[key] for name, key in found.items() if key})
        for name, value in self._values().items():
            if _is_as_stored(layout.fields[name], found[name], stored, present):
                self._stored.fields[name] = json_of(value)
        former = (key for keys in layout.fields.values() for key in keys.former)
        self._stored.former = [key for key in former if key in stored]
        self._stored.version = version
        self._stored.stale = stale
        return self

    def changes(self, ctx: RunnerContext) -> list[RunnerResult]:
        """Say what has changed since it was read, or since the last call.

        Args:
            ctx: The run's context.

        Returns:
            One `state.updated` for each changed field, to be yielded; often none. A model that
            was not read but made says all of its fields. The version comes last: a run that ends
            between two of them has its upgrade done again, so an upgrade must bear that.

        Raises:
            ModelError: A field has come to hold what its type does not allow, such as text
                appended to a list of numbers, or what is not JSON, such as NaN; the message names
                it.
        """
        scope = self._layout.scope
        changed = self._changed()
        for key, value in changed.items():
            self._written(key, value)
        return [
            RunnerResult.state_updated(ctx.run_id, key, value, scope)
            for key, value in changed.items()
        ]

    async def save(self, ctx: RunnerContext) -> None:
        """Write what has changed now, through the State API; for runs that take long.

        The former keys of renamed fields are deleted.

        Args:
            ctx: The run's context.

        Raises:
            ModelError: As for `changes`.
            AgentAPIException: LangBot refused a value, or did not answer before the run's
                deadline; what came before it is written.
        """
        scope = self._layout.scope
        for key, value in self._changed().items():
            await ctx.state_set(scope, key, value)
            self._written(key, value)
        while self._stored.former:
            await ctx.state_delete(scope, self._stored.former[-1])
            self._stored.former.pop()

    async def clear(self, ctx: RunnerContext) -> None:
        """Delete what is stored now, through the State API; the fields get their defaults.

        Raises:
            AgentAPIException: As for `save`.
        """
        fresh = self.from_state({})
        for key in self._layout.keys:
            await ctx.state_delete(self._layout.scope, key)
        self.__dict__.update({name: getattr(fresh, name) for name in self._layout.fields})
        self._stored = fresh._stored  # noqa: SLF001 - our own

    def _values(self) -> Stored:
        """Return the JSON value of each stored field."""
        return {name: value_of(self, name) for name in self._layout.fields}

    def _changed(self) -> Stored:
        """Return what must be written, by state key."""
        fields = self._layout.fields
        changed = {
            fields[name].key: value
            for name, value in self._values().items()
            if self._stored.fields.get(name) != json_of(value)
        }
        whole = not self._stored.stale or len(changed) == len(fields)
        if changed and whole and 1 < self._layout.version > (self._stored.version or 0):
            changed[self._layout.version_key] = self._layout.version
        return changed

    def _written(self, key: str, value: Any) -> None:
        if key == self._layout.version_key:
            self._stored.version = value
            return
        name = next(name for name, keys in self._layout.fields.items() if keys.key == key)
        self._stored.fields[name] = json_of(value)


def was_read(model: StateModel) -> bool:
    """Tell whether a model was read from somewhere, and not made."""
    return bool(model._stored.fields) or model._stored.stale  # noqa: SLF001 - our own


def scope_of(model: type[StateModel]) -> Scope:
    """Return the scope that holds a model."""
    return model._layout.scope  # noqa: SLF001 - our own


def _version(stored: object) -> int | None:
    is_version = isinstance(stored, int) and not isinstance(stored, bool) and stored > 0
    return stored if is_version else None  # type: ignore[return-value]


def _is_as_stored(keys: FieldKeys, found: str | None, stored: Stored, present: Stored) -> bool:
    """Tell whether a field that was read needs no writing to be read again the same."""
    before = (keys.key in stored, json.dumps(stored.get(keys.key)))
    after = (keys.key in present, json.dumps(present.get(keys.key)))
    return before == after and found in {keys.key, None}
