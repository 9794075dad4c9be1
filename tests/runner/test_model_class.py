"""Every fault of a model's class is named when the class is made."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

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


FAULTS: list[tuple[str, Callable[[], Any], str]] = [
    ("unknown scope", lambda: made(str, "", scope="person"), "Model: scope='person' is an invalid"),
    ("no scope", lambda: made(str, "", scope=None), "Model has no scope"),
    ("prefix without a dot", lambda: made(str, "", prefix="prefs"), "Model: prefix='prefs' must"),
    ("prefix that is a dot", lambda: made(str, "", prefix="."), "Model: prefix='.' must end"),
    ("no key", lambda: made(str, "", prefix=""), "Model.field has no key"),
    ("set", lambda: made(set[int], set()), "Model.field: set is not a JSON type"),
    ("set in a list", lambda: made(list[set[int]], []), "Model.field: list is not a JSON type"),
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
    ("version 0", lambda: made(str, "", version=0), "Model: version=0 must be 1 or more"),
    ("no upgrade", lambda: made(str, "", version=3, upgrades={2: dict}), "upgrades from the versi"),
    ("upgrade of nothing", lambda: made(str, "", upgrades={1: dict}), "version=1 needs upgrades"),
    ("version without prefix", versioned_without_prefix, "version=2 needs a prefix"),
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
def test_what_is_json_is_taken(annotation: Any, default: Any) -> None:
    model = made(annotation, default)
    assert model.from_state({}) == model()
