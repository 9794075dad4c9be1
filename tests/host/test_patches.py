"""The one table of patches: all or none in, and every original back."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import wrapt
from pytest_mock import MockerFixture

from langbot_state_ext import HostNotSupported
from langbot_state_ext.host.patches import Patch, Patches


class Greeter:
    def greet(self, name: str, *, loud: bool = False) -> str:
        return f"hello {name}{'!' if loud else ''}"


@pytest.fixture
def module() -> Iterator[Any]:
    module: Any = ModuleType("greeting")

    def add(one: int, other: int) -> int:
        return one + other

    module.Greeter, module.add = Greeter, add
    original = Greeter.greet
    sys.modules["greeting"] = module
    yield module
    del sys.modules["greeting"]
    assert Greeter.greet is original


def politely(original: Any, *, name: str, **_rest: Any) -> str:
    return f"{original()}, dear {name}"


def added(original: Any, *, one: int, other: int) -> Any:
    return original() * 10


def test_a_patch_gets_the_original_and_the_arguments_by_name(module: Any) -> None:
    patches = Patches([Patch("greeting", "Greeter.greet", politely)])
    patches.install()
    try:
        assert Greeter().greet("bob", loud=True) == "hello bob!, dear bob"
        assert Greeter().greet(name="bob") == "hello bob, dear bob"
    finally:
        patches.uninstall()


def test_uninstalling_gives_the_originals_back_and_both_may_be_repeated(module: Any) -> None:
    greet, add = Greeter.greet, module.add
    patches = Patches(
        [
            Patch("greeting", "Greeter.greet", politely),
            Patch("greeting", "add", added),
        ]
    )
    for _ in range(2):
        patches.install()
        patches.install()
        assert module.add(1, other=2) == 30
        patches.uninstall()
        patches.uninstall()
        assert Greeter.greet is greet
        assert module.add is add


def test_an_error_midway_takes_out_what_is_in(module: Any, mocker: MockerFixture) -> None:
    greet, wrap = Greeter.greet, wrapt.wrap_function_wrapper

    def fail_at_add(module: str, name: str, wrapper: Any) -> None:
        if name == "add":
            raise RuntimeError("midway")
        wrap(module, name, wrapper)

    mocker.patch("wrapt.wrap_function_wrapper", fail_at_add)
    patches = Patches(
        [Patch("greeting", "Greeter.greet", politely), Patch("greeting", "add", added)]
    )
    with pytest.raises(RuntimeError, match="midway"):
        patches.install()
    assert Greeter.greet is greet
    mocker.stopall()
    patches.install()
    assert Greeter().greet("bob") == "hello bob, dear bob"
    patches.uninstall()


def test_a_signature_is_read_once(module: Any, mocker: MockerFixture) -> None:
    patches = Patches([Patch("greeting", "Greeter.greet", politely)])
    patches.install()
    try:
        Greeter().greet("bob")
        read = mocker.spy(inspect, "signature")
        assert Greeter().greet("eve") == "hello eve, dear eve"
        assert read.call_count == 0
    finally:
        patches.uninstall()


def test_a_table_with_a_fault_is_not_installed_at_all(module: Any) -> None:
    greet = Greeter.greet
    patches = Patches(
        [
            Patch("greeting", "Greeter.greet", politely),
            Patch("greeting", "Greeter.wave", politely),
            Patch("greeting", "add", politely),
            Patch("no_such_module", "x", politely),
        ]
    )
    with pytest.raises(HostNotSupported) as caught:
        patches.install()
    assert Greeter.greet is greet
    for part in (
        "greeting.Greeter.wave is missing",
        "greeting.add has no parameter name; it has one, other",
        "no_such_module.x is missing",
    ):
        assert part in str(caught.value)
