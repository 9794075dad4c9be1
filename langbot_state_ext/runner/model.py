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
from .reading import check_defaults, json_of, read_fitting, upgrade, value_of
from .storable import build_class


@dataclass
class _Baseline:
    """What a model was when it was read or last written; `changes` compares with it.

    Attributes:
        fields: By field, its JSON. A field that is absent has to be written.
        former: The former keys that are still stored.
        version: The stored version; None for none.
        stale: Whether an upgrade of the stored values failed.
    """

    fields: dict[str, bytes] = field(default_factory=dict)
    former: list[str] = field(default_factory=list)
    version: int | None = None
    stale: bool = False


class StateModel(BaseModel):
    """State of one scope, with types and defaults; inherit, and name the scope.

        class Prefs(StateModel, scope="actor", prefix="prefs."):
            language: str = "en"

    The key of a field is the prefix and its name, or the one that its `Key` sets. Assignments are
    checked. A field with `exclude=True` is not stored.

    Class arguments:
        scope: `conversation`, `actor`, `subject` or `runner`.
        prefix: The prefix of the keys; ends with a dot. Not needed when every field has a `Key`.
        version: The version of the stored values, 1 or more. Default 1.
        upgrades: By version, a function that converts its stored values to the next version. It
            gets every value under the prefix, by state key. Each version below `version` needs one.
        on_misfit: What happens to a stored value that no longer fits its field, or at which an
            upgrade or a validator raises: `default` (default) reads the field's default and logs
            a warning, `raise` raises `MisfitValue`.

    Raises:
        ModelError: When the class is created: it can't be stored, or its defaults can't be read
            back.
    """

    model_config = ConfigDict(
        extra="forbid",
        validate_assignment=True,
        allow_inf_nan=False,
        ser_json_inf_nan="constants",  # so that NaN is an error and not written as null
        defer_build=True,  # so that our error can name a field that is not JSON
    )

    _layout: ClassVar[Layout]
    _baseline: _Baseline = PrivateAttr(default_factory=_Baseline)

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
            raise ModelError(f"{cls.__name__}: unknown class argument {name}: use {known}")
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, **given: Any) -> None:
        """Check the class, see `Layout.from_class`."""
        taken = [name for name in cls.model_fields if hasattr(StateModel, name)]
        if taken:
            raise ModelError(f"{cls.__name__}.{taken[0]} is a method of StateModel: rename it")
        inherited = getattr(cls, "_layout", None)
        cls._layout = Layout.from_class(
            cls, {**(inherited.arguments if inherited else {}), **given}
        )
        build_class(cls)
        check_defaults(cls, cls._layout.fields)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def load(cls, ctx: RunnerContext) -> Self:
        """Read the snapshot of the run.

        Where no `external.conversation_id` is stored, a LangBot without the extension puts its own
        id of the conversation into the snapshot. That id counts as not stored. After a reset it
        puts a generated id there, which looks like a stored one; only `fetch` can tell.

        Args:
            ctx: The run's context.

        Returns:
            A new model. Fields that are not stored have their defaults.

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
        """Read the stored state through the State API; otherwise as `load`.

        The State API never has an `external.conversation_id` that is not stored. It may not have
        the updates yet that this run has yielded. An upgrade gets the keys of the fields and the
        first 100 keys under the prefix.

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
        """Read the state of a scope, for example in a test.

        Args:
            state: Stored JSON values by state key. Other keys are ignored.

        Raises:
            MisfitValue: As for `load`.
        """
        layout = cls._layout
        stored = {key: state[key] for key in layout.select(state)}
        version = _version(stored.pop(layout.version_key, None))
        present = upgrade(cls, layout, stored, version or 1) if stored else stored
        stale = present is None
        if present is None:
            stored = present = {}
        found = {name: keys.find(present) for name, keys in layout.fields.items()}
        self = read_fitting(cls, layout, {name: present[key] for name, key in found.items() if key})
        for name, value in self._values().items():
            if _is_as_stored(layout.fields[name], found[name], stored, present):
                self._baseline.fields[name] = json_of(value)
        former = (key for keys in layout.fields.values() for key in keys.former)
        self._baseline.former = [key for key in former if key in stored]
        self._baseline.version = version
        self._baseline.stale = stale
        return self

    def changes(self, ctx: RunnerContext) -> list[RunnerResult]:
        """Return what has changed since the model was read, or since the last call.

        Args:
            ctx: The run's context.

        Returns:
            One `state.updated` for each changed field, which the runner yields; often none. A
            model that was made and not read returns all of its fields. The version comes last: if
            the run ends before it, the next run upgrades again, so an upgrade must be repeatable.

        Raises:
            ModelError: A field has a value that its type does not allow, such as text appended to
                a list of numbers, or that is not JSON, such as NaN; the message names the field.
        """
        scope = self._layout.scope
        changed = self._changed()
        for key, value in changed.items():
            self._note_written(key, value)
        return [
            RunnerResult.state_updated(ctx.run_id, key, value, scope)
            for key, value in changed.items()
        ]

    async def save(self, ctx: RunnerContext) -> None:
        """Write what has changed through the State API, for long runs.

        It deletes the former keys of renamed fields.

        Args:
            ctx: The run's context.

        Raises:
            ModelError: As for `changes`.
            AgentAPIException: LangBot refused a value, or did not answer before the run's
                deadline. The values before it are written.
        """
        scope = self._layout.scope
        for key, value in self._changed().items():
            await ctx.state_set(scope, key, value)
            self._note_written(key, value)
        while self._baseline.former:
            await ctx.state_delete(scope, self._baseline.former[-1])
            self._baseline.former.pop()

    async def clear(self, ctx: RunnerContext) -> None:
        """Delete the stored state through the State API; the fields get their defaults.

        Raises:
            AgentAPIException: As for `save`.
        """
        fresh = self.from_state({})
        for key in self._layout.keys:
            await ctx.state_delete(self._layout.scope, key)
        self.__dict__.update({name: getattr(fresh, name) for name in self._layout.fields})
        self._baseline = fresh._baseline  # noqa: SLF001 - our own

    def _values(self) -> Stored:
        """Return the JSON value of each stored field."""
        return {name: value_of(self, name) for name in self._layout.fields}

    def _changed(self) -> Stored:
        """Return the values to write, by state key."""
        fields = self._layout.fields
        changed = {
            fields[name].key: value
            for name, value in self._values().items()
            if self._baseline.fields.get(name) != json_of(value)
        }
        whole = not self._baseline.stale or len(changed) == len(fields)
        if changed and whole and 1 < self._layout.version > (self._baseline.version or 0):
            changed[self._layout.version_key] = self._layout.version
        return changed

    def _note_written(self, key: str, value: Any) -> None:
        if key == self._layout.version_key:
            self._baseline.version = value
            return
        name = next(name for name, keys in self._layout.fields.items() if keys.key == key)
        self._baseline.fields[name] = json_of(value)


def was_read(model: StateModel) -> bool:
    """Return whether a model was read, and not made."""
    return bool(model._baseline.fields) or model._baseline.stale  # noqa: SLF001 - our own


def scope_of(model: type[StateModel]) -> Scope:
    """Return the scope that holds a model."""
    return model._layout.scope  # noqa: SLF001 - our own


def _version(stored: object) -> int | None:
    is_version = isinstance(stored, int) and not isinstance(stored, bool) and stored > 0
    return stored if is_version else None  # type: ignore[return-value]


def _is_as_stored(keys: FieldKeys, found: str | None, stored: Stored, present: Stored) -> bool:
    """Return whether a field that was read reads the same again without a write."""
    before = (keys.key in stored, json.dumps(stored.get(keys.key)))
    after = (keys.key in present, json.dumps(present.get(keys.key)))
    return before == after and found in {keys.key, None}
