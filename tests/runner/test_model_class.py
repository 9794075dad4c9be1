"""Every fault of a model's class is named when the class is made."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Annotated, Any, TypedDict

import pytest
from pydantic import BaseModel, Field, PlainSerializer, field_serializer, model_validator

from langbot_state_ext import StateError
from langbot_state_ext.runner import Key, ModelError, StateModel


class Plain:
    """Not a type that pydantic knows."""


def made(annotation: Any, default: Any = None, /, **arguments: Any) -> type[StateModel]:
    """Make a model class with one field, `field`."""
    namespace = {
        "__annotations__": {"field": annotation},
        "__module__": __name__,
        "field": default,
    }
    given = {"scope": "actor", "prefix": "p.", **arguments}
    kind: Any = type(StateModel)
    model: type[StateModel] = kind("Model", (StateModel,), namespace, **given)
    return model


def method_name() -> Any:
    class Method(StateModel, scope="actor", prefix="p."):
        load: str = ""  # type: ignore[assignment]

    return Method


def same_key() -> Any:
    class Same(StateModel, scope="actor", prefix="p."):
        a: str = ""
        b: Annotated[str, Key("p.a")] = ""

    return Same


def same_old_name() -> Any:
    class Older(StateModel, scope="conversation"):
        a: Annotated[str, Key("external.conversation_id")] = ""
        b: Annotated[str, Key("conversation_id")] = ""

    return Older


def former_in_use() -> Any:
    class Former(StateModel, scope="actor", prefix="p."):
        a: str = ""
        b: Annotated[str, Key(was="p.a")] = ""

    return Former


def versioned_without_prefix() -> Any:
    field = Annotated[str, Key("a.b")]
    return made(field, "", prefix="", version=2, upgrades={1: dict})


def version_key() -> Any:
    return made(Annotated[str, Key("p._version")], "", version=2, upgrades={1: dict})


def former_version_key() -> Any:
    return made(Annotated[str, Key(was="p._version")], "", version=2, upgrades={1: dict})


def out_of_order() -> Any:
    class Order(StateModel, scope="actor", prefix="p."):
        low: int = 10
        high: int = 5

        @model_validator(mode="after")
        def in_order(self) -> Order:
            if self.low > self.high:
                raise ValueError("low is above high")
            return self

    return Order


def raising() -> Any:
    class Raising(StateModel, scope="actor", prefix="p."):
        n: int = 0

        @model_validator(mode="after")
        def fail(self) -> Raising:
            raise RuntimeError("a bug")

    return Raising


class Places(Enum):
    HOME = (1, 2)


class Tagged(BaseModel):
    tags: set[str] = set()


FAULTS: list[tuple[str, Callable[[], Any], str]] = [
    ("unknown scope", lambda: made(str, "", scope="person"), "Model: scope='person' is an invalid"),
    ("no scope", lambda: made(str, "", scope=None), "Model has no scope"),
    ("prefix without a dot", lambda: made(str, "", prefix="prefs"), "Model: prefix='prefs' must"),
    ("prefix that is a dot", lambda: made(str, "", prefix="."), "Model: prefix='.' must end"),
    ("no key", lambda: made(str, "", prefix=""), "Model.field has no key"),
    ("set", lambda: made(set[int], set()), "Model.field: set is not a JSON type"),
    ("set in a list", lambda: made(list[set[int]], []), "Model.field: set is not a JSON type"),
    ("bytes", lambda: made(bytes, b""), "Model.field: bytes is not a JSON type"),
    ("function", lambda: made(Callable[[], int]), "Model.field: Callable is not a JSON type"),
    ("plain class", lambda: made(Plain), "Model.field: Plain is not a JSON type"),
    ("undefined", lambda: made("Later"), "Model.field: ForwardRef('Later') is not defined yet"),
    ("no default", lambda: made(str, ...), "Model.field has no default"),
    ("empty key", lambda: made(Annotated[str, Key("")], ""), "Model.field: the key is empty"),
    ("long key", lambda: made(Annotated[str, Key("k" * 256)], ""), "Model.field: the key has 256"),
    ("method", method_name, "Method.load is a method of StateModel"),
    ("same key", same_key, "Same.b has the same key as Same.a: 'p.a'"),
    ("same key by an older name", same_old_name, "Older.b has the same key as Older.a"),
    ("former key in use", former_in_use, "Former.b was 'p.a', which Former.a is"),
    (
        "version 0",
        lambda: made(str, "", version=0),
        "Model: version=0 must be a whole number, 1 or more",
    ),
    ("no upgrade", lambda: made(str, "", version=3, upgrades={2: dict}), "upgrades from the versi"),
    ("upgrade of nothing", lambda: made(str, "", upgrades={1: dict}), "version=1 needs upgrades"),
    ("version without prefix", versioned_without_prefix, "version=2 needs a prefix"),
    (
        "version that is text",
        lambda: made(str, "", version="2"),
        "Model: version='2' must be a whole nu",
    ),
    ("prefix that is a number", lambda: made(str, "", prefix=5), "Model: prefix=5 must end with"),
    (
        "upgrades in a list",
        lambda: made(str, "", version=2, upgrades=[dict]),
        "upgrades from the v",
    ),
    (
        "upgrade that is not a function",
        lambda: made(str, "", version=2, upgrades={1: "no"}),
        "Model: upgrades[1] is not a function: 'no'",
    ),
    ("misspelt argument", lambda: made(str, "", prefx="a."), "Model: unknown class argument prefx"),
    ("the version's key", version_key, "Model.field has the same key as the version: 'p._version'"),
    ("formerly the version's key", former_version_key, "'p._version', which the version is"),
    ("Key without a name", lambda: made(Annotated[str, Key], ""), "Model.field has Key without a"),
    (
        "Key in a union",
        lambda: made(Annotated[str, Key("a.b")] | None),
        "Model.field has its Key in",
    ),
    ("iterable", lambda: made(Iterable[int], []), "Model.field: Iterable is not a JSON type"),
    ("bytes as a choice", lambda: made(str | bytes, ""), "Model.field: bytes is not a JSON type"),
    ("enum of tuples", lambda: made(Places, Places.HOME), "Model.field: Places, whose values are"),
    ("set in a model", lambda: made(Tagged, Tagged()), "Tagged.tags: set is not a JSON type"),
    (
        "default that does not fit",
        lambda: made(int, "x"),
        "default of Model.field has a value that its",
    ),
    ("default that is None", lambda: made(int, None), "Model.field: its default does not fit"),
    (
        "default that is NaN",
        lambda: made(float, float("nan")),
        "the default of Model.field has a",
    ),
    ("defaults out of order", out_of_order, "Order: its default does not fit: Value error, low is"),
    ("defaults that raise", raising, "Raising: its defaults raise RuntimeError('a bug')"),
    ("on_misfit", lambda: made(str, "", on_misfit="ignore"), 'on_misfit is "default" or "raise"'),
]


@pytest.mark.filterwarnings("ignore:Field name:UserWarning")  # pydantic's own word on `load`
@pytest.mark.parametrize(("make", "message"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_fault_is_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ModelError, match=re.escape(message)) as raised:
        make()
    assert isinstance(raised.value, StateError)
    assert isinstance(raised.value, TypeError)
    assert "\n" not in str(raised.value)


class Nested(BaseModel):
    inner: dict[str, list[int | None]] = {}


@pytest.mark.parametrize(
    ("annotation", "default"),
    [(str | None, None), (Nested, Nested()), (list[Nested], []), (tuple[int, str], (1, "a"))],
)
def test_json_types_are_accepted(annotation: Any, default: Any) -> None:
    model = made(annotation, default)
    assert model.from_state({}) == model()


class Named(TypedDict):
    name: str


def test_the_error_of_pydantic_about_a_type_is_shown() -> None:
    assert isinstance(Named, type)
    if sys.version_info >= (3, 12):
        assert made(Named, {"name": ""}).from_state({}) == made(Named, {"name": ""})()
        return
    with pytest.raises(ModelError, match=r"Model\.field: .*typing_extensions\.TypedDict"):
        made(Named, {"name": ""})


def test_a_set_with_its_own_serializer_can_be_stored() -> None:
    as_list = PlainSerializer(sorted)
    assert made(Annotated[set[int], as_list], {2, 1})().changes(RUN)[0].data["value"] == [1, 2]

    class Own(StateModel, scope="actor", prefix="p."):
        tags: set[int] = {2, 1}

        @field_serializer("tags")
        def in_order(self, tags: set[int]) -> list[int]:
            return sorted(tags)

    assert Own.from_state({"p.tags": [3]}) == Own(tags={3})


def test_a_field_may_have_an_alias_or_be_frozen() -> None:
    class Aliased(StateModel, scope="actor", prefix="p.", alias_generator=str.upper):
        one: int = Field(0, alias="uno")
        two: int = Field(0, frozen=True)

    stored = Aliased.from_state({"p.one": 1, "p.two": "2"})
    assert (stored.one, stored.two) == (1, 0)
    written = {update.data["key"]: update.data["value"] for update in Aliased(uno=3).changes(RUN)}
    assert written == {"p.one": 3, "p.two": 0}
    assert made(defaultdict[str, list[int]], defaultdict(list)).from_state({}).changes(RUN) == []


class _Run:
    run_id = "run-1"


RUN: Any = _Run()
