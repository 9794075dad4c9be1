"""What is stored, or crept into a model, can't break a conversation nor get lost in silence."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field, field_validator, model_validator

from langbot_state_ext.runner import MisfitValue, ModelError, StateModel, Stored
from langbot_state_ext.testing import RunnerHarness
from testkit.fakes import FakeAgent

NAN = float("nan")


class Point(BaseModel):
    x: float = 0
    anything: Any = None


class Numbers(StateModel, scope="actor", prefix="n."):
    listed: list[float] = []
    named: dict[str, float] = {}
    anything: Any = None
    point: Point = Point()


class Context:
    """A State API that keeps what it is told in `kept`; `deleted` says what it deleted."""

    run_id = "run-1"

    def __init__(self, kept: Stored | None = None) -> None:
        self.kept = kept or {}
        self.deleted: list[str] = []

    async def state_get(self, scope: str, key: str) -> dict[str, Any]:
        return {"value": self.kept.get(key)}

    async def state_list(self, scope: str, prefix: str) -> dict[str, Any]:
        return {"keys": [key for key in self.kept if key.startswith(prefix)], "has_more": False}

    async def state_delete(self, scope: str, key: str) -> dict[str, Any]:
        self.deleted.append(key)
        return {"success": True}


def ctx(kept: Stored | None = None) -> Any:
    return Context(kept)


def nan_in_a_list(model: Numbers) -> str:
    model.listed.append(NAN)
    return "listed"


def nan_in_a_mapping(model: Numbers) -> str:
    model.named.update(x=NAN)
    return "named"


def infinity_in_anything(model: Numbers) -> str:
    model.anything = [{"x": float("inf")}]
    return "anything"


def nan_in_a_model(model: Numbers) -> str:
    model.point.x = NAN
    return "point"


def nan_in_a_models_anything(model: Numbers) -> str:
    model.point.anything = [NAN]
    return "point"


@pytest.mark.parametrize(
    "put",
    [
        nan_in_a_list,
        nan_in_a_mapping,
        infinity_in_anything,
        nan_in_a_model,
        nan_in_a_models_anything,
    ],
)
def test_a_number_that_json_does_not_allow_is_an_error(put: Any) -> None:
    model = Numbers.from_state({})
    name = put(model)
    with pytest.raises(ModelError, match=rf"Numbers\.{name} has a number that is not finite"):
        model.changes(ctx())


class Stripped(StateModel, scope="actor", prefix="s."):
    name: str = ""
    other: int = 0

    @field_validator("name", mode="before")
    @classmethod
    def strip(cls, value: str) -> str:
        return value.strip()


def test_a_validator_that_raises_makes_a_misfit(caplog: pytest.LogCaptureFixture) -> None:
    assert Stripped.from_state({"s.name": 5, "s.other": 3}) == Stripped(other=3)
    (line,) = caplog.messages
    assert "'s.name' does not fit Stripped.name (AttributeError); its default is used" in line


def test_a_model_validator_that_raises_leaves_the_defaults() -> None:
    class Whole(StateModel, scope="actor", prefix="w."):
        low: int = 0
        high: int = 10

        @model_validator(mode="after")
        def has_a_ratio(self) -> Whole:
            if self.low and not self.high:
                raise ZeroDivisionError
            return self

    assert Whole.from_state({"w.low": 7, "w.high": 7}) == Whole(low=7, high=7)
    assert Whole.from_state({"w.low": 2, "w.high": 0}) == Whole()


@pytest.mark.parametrize("bad", [NAN, [NAN], "\ud800"])
def test_a_stored_value_that_is_not_json_is_a_misfit(bad: Any) -> None:
    assert Numbers.from_state({"n.anything": bad, "n.listed": [1.5]}) == Numbers(listed=[1.5])


@pytest.mark.parametrize("made", [None, {"u.x": {1}}, {"u.x": object()}, {"u.x": NAN}, 5])
def test_an_upgrade_that_does_not_return_json_is_a_misfit(
    made: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Upgraded(StateModel, scope="actor", prefix="u.", version=2, upgrades={1: lambda _: made}):
        x: Any = "default"

    model = Upgraded.from_state({"u.x": 1})
    assert model == Upgraded()
    assert model.changes(ctx()) == []
    assert "does not fit Upgraded (upgrade: " in caplog.text


def test_a_failed_upgrade_raises_with_on_misfit_raise() -> None:
    class Strict(
        StateModel,
        scope="actor",
        prefix="u.",
        version=2,
        upgrades={1: dict.popitem},
        on_misfit="raise",
    ):
        x: int = 0

    with pytest.raises(MisfitValue, match="Strict"):
        Strict.from_state({"u.x": 1})


def join_names(stored: Stored) -> Stored:
    return {"a.full": f"{stored['a.first']} {stored['a.last']}"}


class Person(StateModel, scope="actor", prefix="a.", version=2, upgrades={1: join_names}):
    full: str = ""


def test_an_upgrade_sees_every_stored_key_under_the_prefix() -> None:
    kept = {"a.first": "Al", "a.last": "Bo", "b.first": "no"}
    assert Person.from_state(kept).full == "Al Bo"
    fetched = asyncio.run(Person.fetch(ctx(kept)))
    assert fetched.full == "Al Bo"
    written = {update.data["key"]: update.data["value"] for update in fetched.changes(ctx())}
    assert written == {"a.full": "Al Bo", "a._version": 2}
    assert Person.from_state({**kept, **written}).changes(ctx()) == []


OUTSIDE = Path(__file__).parents[2] / "examples" / "outside_runner"


def test_an_id_that_langbot_generated_after_a_reset_is_not_sent() -> None:
    with FakeAgent() as agent, RunnerHarness(OUTSIDE, config={"url": agent.url}) as harness:
        run = harness.begin("hello")
        seed = {"external.conversation_id": "b4fe7801-cde9-47bc-89d9-091437774e30"}
        run._driver._context.state.conversation.update(seed)
        assert run.finish() == "conversation-1, turn 1: hello"
        assert agent.log[0][0].get_json()["conversation_id"] is None


class Frozen(StateModel, scope="actor", prefix="f.", frozen=True):
    n: int = 0


class Bounds(StateModel, scope="actor", prefix="b."):
    low: int = 0
    high: int = Field(10, frozen=True)

    @model_validator(mode="after")
    def in_order(self) -> Bounds:
        if self.low > self.high:
            raise ValueError("out of order")
        return self


@pytest.mark.parametrize(
    "model", [Frozen.from_state({"f.n": 3}), Bounds.from_state({"b.low": 20, "b.high": 30})]
)
def test_clearing_gives_every_model_its_defaults(model: StateModel) -> None:
    context = ctx()
    asyncio.run(model.clear(context))
    assert model == type(model)()
    assert len(context.deleted) == len(type(model).model_fields)
    assert model.changes(context) == []


def test_defaults_that_stop_fitting_are_an_error() -> None:
    seen = iter([0])

    class Fickle(StateModel, scope="actor", prefix="p.", validate_default=True):
        n: int = Field(default_factory=lambda: next(seen, -1), ge=0)

    with pytest.raises(ModelError, match="Fickle: its defaults raise"):
        Fickle.from_state({"p.n": "text"})
