"""`StateModel`: a runner's state as a typed object."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, Unpack

from langbot_plugin.api.definition.components.runner import RunnerContext, RunnerResult
from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from ..errors import MisfitValue, ModelError
from ..policy import EXTERNAL_ID_KEY
from ..scopes import Scope
from .layout import FieldKeys, Layout, OnMisfit, Stored, Upgrade

LOGGER = logging.getLogger("langbot_state_ext.runner")


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
        upgrades: By version, a function that makes its stored values, by state key, into those of
            the next version; one for every version below `version`.
        on_misfit: What happens to a stored value that no longer fits its field: `default`
            (default) reads the field's default and logs a line, `raise` raises `MisfitValue`.

    Raises:
        ModelError: At the class's creation, when it can't be stored.
    """

    model_config = ConfigDict(
        extra="forbid",
        validate_assignment=True,
        allow_inf_nan=False,
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
        super().__init_subclass__(**kwargs)

    @classmethod
    def __pydantic_init_subclass__(cls, **given: Any) -> None:
        """Check the class, see `Layout.of`."""
        taken = [name for name in cls.model_fields if hasattr(StateModel, name)]
        if taken:
            raise ModelError(f"{cls.__name__}.{taken[0]} is a method of StateModel: rename it")
        inherited = getattr(cls, "_layout", None)
        cls._layout = Layout.of(cls, {**(inherited.arguments if inherited else {}), **given})
        cls.model_rebuild()

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
            its operator has not enabled the extension, can't be told from a stored one.

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

        Raises:
            MisfitValue: As for `load`.
            AgentAPIException: LangBot refused, or did not answer before the run's deadline.
        """
        scope, keys = cls._layout.scope, cls._layout.keys
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
        stored = {key: state[key] for key in layout.keys if key in state}
        version = _version(stored.pop(layout.version_key, None))
        upgraded = cls._upgraded(stored, version)
        stale = upgraded is None
        if upgraded is None:
            stored = upgraded = {}
        found = {name: keys.first(upgraded) for name, keys in layout.fields.items()}
        self = cls._fitting({name: upgraded[key] for name, key in found.items() if key})
        for name, value in self._values().items():
            if _is_as_stored(layout.fields[name], found[name], stored, upgraded):
                self._stored.fields[name] = to_json(value)
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
                appended to a list of numbers; the message names it.
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
        for key in self._layout.keys:
            await ctx.state_delete(self._layout.scope, key)
        fresh = self.from_state({})
        for name in self._layout.fields:
            setattr(self, name, getattr(fresh, name))
        self._stored = fresh._stored  # noqa: SLF001 - our own

    def _values(self) -> Stored:
        """Return the JSON value of each stored field."""
        return {name: self._value(name) for name in self._layout.fields}

    def _value(self, name: str) -> Any:
        try:
            found = self.model_dump(mode="json", by_alias=False, include={name}, warnings="error")
        except PydanticSerializationError:
            raise ModelError(
                f"{type(self).__name__}.{name} holds what its type does not allow"
            ) from None
        return found[name]

    def _json(self, name: str, value: Any) -> bytes:
        try:
            return to_json(value)
        except PydanticSerializationError:
            raise ModelError(
                f"{type(self).__name__}.{name} holds text that is not Unicode"
            ) from None

    def _changed(self) -> Stored:
        """Return what must be written, by state key."""
        fields = self._layout.fields
        changed = {
            fields[name].key: value
            for name, value in self._values().items()
            if self._stored.fields.get(name) != self._json(name, value)
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
        self._stored.fields[name] = to_json(value)

    @classmethod
    def _upgraded(cls, stored: Stored, version: int | None) -> Stored | None:
        """Bring stored values to the present version; None when that fails."""
        layout = cls._layout
        if not stored:
            return stored
        try:
            for step in range(version or 1, layout.version):
                stored = layout.upgrades[step](deepcopy(stored))
        except Exception as error:  # noqa: BLE001 - an author's function met a value it did not expect
            cls._misfit(layout.version_key, cls.__name__, f"upgrade: {type(error).__name__}")
            return None
        return stored

    @classmethod
    def _fitting(cls, found: Stored) -> Self:
        """Read the fields that fit."""
        while True:
            try:
                return cls.model_validate_json(
                    to_json(found), strict=True, by_alias=False, by_name=True
                )
            except ValidationError as error:
                faults = {detail["loc"][:1]: detail["type"] for detail in error.errors()}
            misfits = {name: faults[name,] for name in found if (name,) in faults}
            for name, fault in (misfits or dict.fromkeys(found, faults.get((), ""))).items():
                cls._misfit(cls._layout.fields[name].key, f"{cls.__name__}.{name}", fault)
                del found[name]

    @classmethod
    def _misfit(cls, key: str, place: str, fault: str) -> None:
        error = MisfitValue(cls._layout.scope, key, place, fault)
        if cls._layout.on_misfit == "raise":
            raise error
        LOGGER.warning("%s; its default is used", error)


def scope_of(model: type[StateModel]) -> Scope:
    """Return the scope that holds a model."""
    return model._layout.scope  # noqa: SLF001 - our own


def _version(stored: object) -> int | None:
    is_version = isinstance(stored, int) and not isinstance(stored, bool) and stored > 0
    return stored if is_version else None  # type: ignore[return-value]


def _is_as_stored(keys: FieldKeys, found: str | None, stored: Stored, upgraded: Stored) -> bool:
    """Tell whether a field that was read needs no writing to be read again the same."""
    before = (keys.key in stored, to_json(stored.get(keys.key)))
    after = (keys.key in upgraded, to_json(upgraded.get(keys.key)))
    return before == after and found in {keys.key, None}
