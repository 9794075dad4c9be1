"""Where the fields of a `StateModel` are stored, and the checks of its class."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ..errors import InvalidKey, ModelError
from ..state.codec import check_key
from ..state.policy import canonical_key
from ..state.scopes import INVALID_SCOPE, VALID_STATE_SCOPES, Scope

Stored = dict[str, Any]
"""Stored JSON values by state key."""

Upgrade = Callable[[Stored], Stored]
"""Converts the stored values of one version to those of the next."""

OnMisfit = Literal["default", "raise"]
"""What happens to a stored value that no longer fits its field."""

VERSION_KEY = "_version"

CLASS_ARGUMENTS: Mapping[str, Any] = {
    "scope": None,
    "prefix": "",
    "version": 1,
    "upgrades": {},
    "on_misfit": "default",
}
"""The class arguments of a `StateModel`, with their defaults."""


@dataclass(frozen=True)
class Key:
    """Sets the state key of a field, in `Annotated`.

    Attributes:
        name: The full key, such as `external.conversation_id`. Default: the model's prefix and
            the field's name.
        was: The former key or keys, in full. A field whose present key is not stored is read from
            the first of these that is.
    """

    name: str | None = None
    was: str | Sequence[str] = ()

    @property
    def former(self) -> tuple[str, ...]:
        """The former keys."""
        return (self.was,) if isinstance(self.was, str) else tuple(self.was)


@dataclass(frozen=True)
class FieldKeys:
    """The keys of one field.

    Attributes:
        key: The state key.
        former: The former keys.
    """

    key: str
    former: tuple[str, ...] = ()

    def find(self, stored: Stored) -> str | None:
        """Return the key from which the field is read; None when none is stored."""
        return next((key for key in (self.key, *self.former) if key in stored), None)


@dataclass(frozen=True)
class Layout:
    """How a model is stored.

    Attributes:
        scope: The scope.
        prefix: The prefix of the keys.
        version: The version of the stored values, 1 or more.
        upgrades: By version, the function that converts its stored values to the next version.
        on_misfit: What happens to a stored value that no longer fits its field.
        fields: By field name, the keys.
    """

    scope: Scope
    prefix: str
    version: int
    upgrades: Mapping[int, Upgrade]
    on_misfit: OnMisfit
    fields: Mapping[str, FieldKeys]

    @property
    def version_key(self) -> str:
        """The key of the version; only a model of version 2 or more has one."""
        return self.prefix + VERSION_KEY

    @property
    def keys(self) -> list[str]:
        """Every key from which the model is read."""
        fields = [key for field in self.fields.values() for key in (field.key, *field.former)]
        return [*fields, *([self.version_key] if self.version > 1 else [])]

    def select(self, keys: Iterable[str]) -> list[str]:
        """Return the keys that belong to the model.

        For a model of version 2 or more these are all keys with the prefix, since an upgrade may
        need keys that no field has now.
        """
        under = self.prefix if self.version > 1 else None
        fields = {*self.keys}
        return [key for key in keys if key in fields or (under and key.startswith(under))]

    @property
    def arguments(self) -> dict[str, Any]:
        """The class arguments, which a subclass inherits."""
        return {name: getattr(self, name) for name in CLASS_ARGUMENTS}

    @classmethod
    def from_class(cls, model: type[BaseModel], arguments: Mapping[str, Any]) -> Layout:
        """Check the class of a model, and return its layout.

        Args:
            model: The class, whose fields pydantic has collected.
            arguments: The class arguments, see `StateModel`.

        Raises:
            ModelError: The model can't be stored; the message names the class or the field.
        """
        name = model.__name__
        given = {**CLASS_ARGUMENTS, **arguments}
        prefix: str = given["prefix"]
        _check_scope(name, given["scope"])
        _check_prefix(name, prefix)
        _check_versions(name, prefix, given["version"], given["upgrades"])
        if given["on_misfit"] not in get_args(OnMisfit):
            raise ModelError(f'{name}: on_misfit is "default" or "raise"')
        stored = [field for field, info in model.model_fields.items() if not info.exclude]
        fields = {field: _keys(model, field, prefix) for field in stored}
        layout = cls(**given, fields=fields)
        _check_distinct(name, layout)
        return layout


def _check_scope(name: str, scope: str | None) -> None:
    if scope is None:
        raise ModelError(f'{name} has no scope: write class {name}(StateModel, scope="actor", ...)')
    if scope not in VALID_STATE_SCOPES:
        raise ModelError(f"{name}: scope={scope!r} is an {INVALID_SCOPE}")


def _check_prefix(name: str, prefix: object) -> None:
    if not isinstance(prefix, str) or (prefix and not prefix.endswith(".")) or prefix == ".":
        raise ModelError(f'{name}: prefix={prefix!r} must end with a dot, such as "prefs."')


def _check_versions(name: str, prefix: str, version: object, upgrades: object) -> None:
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ModelError(f"{name}: version={version!r} must be a whole number, 1 or more")
    if not isinstance(upgrades, Mapping) or {*upgrades} != {*range(1, version)}:
        needed = ", ".join(map(str, range(1, version))) or "none"
        raise ModelError(f"{name}: version={version} needs upgrades from the versions: {needed}")
    for step, upgrade in upgrades.items():
        if not callable(upgrade):
            raise ModelError(f"{name}: upgrades[{step}] is not a function: {upgrade!r}")
    if version > 1 and not prefix:
        raise ModelError(f"{name}: version={version} needs a prefix for its key")


def _keys(model: type[BaseModel], name: str, prefix: str) -> FieldKeys:
    place = f"{model.__name__}.{name}"
    field = model.model_fields[name]
    if field.is_required():
        raise ModelError(f"{place} has no default, but a scope without state needs one")
    key = _key(place, field)
    if key.name is None and not prefix:
        raise ModelError(f"{place} has no key: give the class a prefix, or the field a Key")
    names = (prefix + name if key.name is None else key.name, *key.former)
    try:
        own, *former = [check_key(canonical_key(each)) for each in names]
    except InvalidKey as error:
        raise ModelError(f"{place}: {error}") from None
    return FieldKeys(own, tuple(former))


def _key(place: str, field: FieldInfo) -> Key:
    if any(part is Key for part in (*field.metadata, *_parts(field.annotation))):
        raise ModelError(f'{place} has Key without a name: write Key("the.key")')
    if any(isinstance(part, Key) for part in _parts(field.annotation)):
        raise ModelError(
            f"{place} has its Key inside its type: write Annotated[the type, Key(...)]"
        )
    return next((part for part in field.metadata if isinstance(part, Key)), Key())


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield the arguments of a type at any depth, those of `Annotated` included."""
    for part in get_args(annotation):
        yield part
        yield from _parts(part)


def _check_distinct(name: str, layout: Layout) -> None:
    owners = {layout.version_key: "the version"} if layout.version > 1 else {}
    for field, keys in layout.fields.items():
        other = owners.setdefault(keys.key, f"{name}.{field}")
        if other != f"{name}.{field}":
            raise ModelError(f"{name}.{field} has the same key as {other}: {keys.key!r}")
    for field, keys in layout.fields.items():
        for former in keys.former:
            if former in owners:
                raise ModelError(f"{name}.{field} was {former!r}, which {owners[former]} is")
