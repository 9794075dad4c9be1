"""What a `StateModel` reads, and what it writes."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from langbot_plugin.api.definition.components.runner import Runner, RunnerContext, RunnerResult
from langbot_plugin.api.entities.builtin.runner.result import RunnerResultType
from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator

from langbot_state_ext.runner import Key, MisfitValue, ModelError, StateModel, Stored


class Tone(StrEnum):
    FORMAL = "formal"
    CASUAL = "casual"


class Option(BaseModel):
    title: str
    votes: int = 0


class Prefs(StateModel, scope="actor", prefix="prefs."):
    language: str = "en"
    tone: Literal["formal", "casual"] = "casual"
    tags: list[str] = []
    options: list[Option] = []
    counts: dict[str, list[int]] = {}
    style: Tone = Tone.CASUAL
    seen: datetime | None = None
    token: UUID | None = None
    note: str | None = "none yet"
    scratch: Annotated[str, Field(exclude=True)] = "not stored"


class Session(StateModel, scope="conversation", prefix="session."):
    conversation_id: Annotated[str, Key("external.conversation_id")] = ""
    turns: int = 0


def context(**state: dict[str, Any]) -> RunnerContext:
    """Make a context with a snapshot, as LangBot would send it."""
    return RunnerContext.model_validate(
        {
            "run_id": "run-1",
            "trigger": {"type": "message.received"},
            "event": {"event_id": "e", "event_type": "message.received", "source": "platform"},
            "conversation": {"conversation_id": "person_alice"},
            "input": {"text": "hi"},
            "delivery": {"surface": "platform"},
            "resources": {},
            "state": state,
            "runtime": {},
        }
    )


def misfit(key: str, place: str) -> str:
    """Return the line of the log."""
    return f"the stored {key} does not fit {place}; its default is used"


def said(results: list[RunnerResult]) -> dict[str, Any]:
    """Return what results change, by key."""
    assert {RunnerResultType(result.type) for result in results} <= {RunnerResultType.STATE_UPDATED}
    assert {result.run_id for result in results} <= {"run-1"}
    return {result.data["key"]: result.data["value"] for result in results}


def test_an_empty_scope_reads_as_the_defaults_and_writes_nothing() -> None:
    prefs = Prefs.load(context())
    assert prefs == Prefs()
    assert prefs.changes(context()) == []


def test_a_changed_field_is_written_once() -> None:
    ctx = context(actor={"prefs.language": "en", "prefs.tags": ["a"]})
    prefs = Prefs.load(ctx)
    prefs.language = "zh"
    prefs.tags = ["a"]
    (result,) = prefs.changes(ctx)
    assert result.data == {"scope": "actor", "key": "prefs.language", "value": "zh"}
    assert prefs.changes(ctx) == []
    prefs.language = "en"
    assert said(prefs.changes(ctx)) == {"prefs.language": "en"}


def test_a_change_inside_a_value_is_written() -> None:
    prefs = Prefs.load(context(actor={"prefs.options": [{"title": "tea", "votes": 1}]}))
    prefs.options[0].votes += 1
    prefs.counts.setdefault("alice", []).append(3)
    changed = said(prefs.changes(context()))
    assert changed == {
        "prefs.options": [{"title": "tea", "votes": 2}],
        "prefs.counts": {"alice": [3]},
    }


def test_every_type_reads_back_as_it_was_written() -> None:
    prefs = Prefs(
        options=[Option(title="tea", votes=2)],
        style=Tone.FORMAL,
        seen=datetime(2026, 1, 2, tzinfo=UTC),
        token=UUID(int=7),
        note=None,
    )
    stored = said(prefs.changes(context()))
    assert "prefs.scratch" not in stored
    stored = json.loads(json.dumps(stored))
    assert Prefs.load(context(actor=stored)) == prefs


def test_a_model_that_was_made_writes_all_of_its_fields() -> None:
    assert said(Session(turns=2).changes(context())) == {
        "external.conversation_id": "",
        "session.turns": 2,
    }


def test_null_is_a_value() -> None:
    prefs = Prefs.load(context(actor={"prefs.note": None}))
    assert prefs.note is None
    assert Prefs.load(context()).note == "none yet"


def test_two_models_never_share_a_default() -> None:
    first = Prefs.load(context())
    first.tags.append("mine")
    assert Prefs.load(context()).tags == []


def test_the_conversation_id_that_langbot_adds_counts_as_not_stored() -> None:
    assert Session.load(context(conversation={"external.conversation_id": "person_alice"})) == (
        Session()
    )
    stored = context(conversation={"external.conversation_id": "far-1"})
    assert Session.load(stored).conversation_id == "far-1"


def test_a_misfit_reads_as_the_default_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ctx = context(actor={"prefs.tone": "secret-rude", "prefs.language": 5, "prefs.tags": ["a"]})
    with caplog.at_level(logging.WARNING):
        prefs = Prefs.load(ctx)
    assert (prefs.tone, prefs.language, prefs.tags) == ("casual", "en", ["a"])
    assert sorted(caplog.messages) == [
        misfit("actor key 'prefs.language'", "Prefs.language (string_type)"),
        misfit("actor key 'prefs.tone'", "Prefs.tone (literal_error)"),
    ]
    assert prefs.changes(ctx) == []
    prefs.language = "zh"
    assert said(prefs.changes(ctx)) == {"prefs.language": "zh"}


@pytest.mark.parametrize("stored", ["5", True, 1.5, None, [], {}])
def test_no_value_is_converted_to_a_number(stored: object) -> None:
    assert Session.load(context(conversation={"session.turns": stored})).turns == 0


def test_a_misfit_raises_with_on_misfit_raise() -> None:
    class Strict(StateModel, scope="actor", prefix="prefs.", on_misfit="raise"):
        tone: Literal["formal", "casual"] = "casual"

    with pytest.raises(MisfitValue, match=r"actor key 'prefs.tone' does not fit Strict.tone") as e:
        Strict.load(context(actor={"prefs.tone": "secret-rude"}))
    assert (e.value.scope, e.value.key, e.value.field) == ("actor", "prefs.tone", "Strict.tone")
    assert "secret" not in str(e.value)


def test_an_authors_validators_run() -> None:
    class Range(StateModel, scope="runner", prefix="range."):
        low: int = 0
        high: int = 10

        @field_validator("low")
        @classmethod
        def not_negative(cls, value: int) -> int:
            if value < 0:
                raise ValueError("negative")
            return value

        @model_validator(mode="after")
        def in_order(self) -> Range:
            if self.low > self.high:
                raise ValueError("out of order")
            return self

    assert Range.load(context(runner={"range.low": -1, "range.high": 3})) == Range(high=3)
    assert Range.load(context(runner={"range.low": 9, "range.high": 3})) == Range()


def test_an_assignment_is_checked_at_once() -> None:
    prefs = Prefs()
    with pytest.raises(ValidationError):
        prefs.tone = "rude"  # type: ignore[assignment]
    with pytest.raises(ValidationError):
        prefs.langauge = "zh"  # type: ignore[attr-defined]


def test_a_wrong_item_in_a_list_is_an_error_before_it_is_written() -> None:
    prefs = Prefs.load(context())
    prefs.tags.append(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Prefs\.tags has a value that its type does not allow"):
        prefs.changes(context())


def test_a_renamed_field_reads_the_old_key_and_writes_the_new() -> None:
    class Renamed(StateModel, scope="actor", prefix="prefs."):
        tongue: Annotated[str, Key(was=("prefs.language", "lang"))] = "en"

    ctx = context(actor={"lang": "fr", "prefs.language": "zh"})
    model = Renamed.load(ctx)
    assert model.tongue == "zh"
    assert said(model.changes(ctx)) == {"prefs.tongue": "zh"}
    assert model.changes(ctx) == []
    newest = Renamed.load(context(actor={"lang": "fr", "prefs.tongue": "de"}))
    assert newest.tongue == "de"
    assert newest.changes(ctx) == []


def split_languages(stored: Stored) -> Stored:
    """Make one text of version 1 a list."""
    return {**stored, "prefs.languages": stored.pop("prefs.language").split(",")}


def lower_languages(stored: Stored) -> Stored:
    """Write languages in lower case since version 3."""
    return {**stored, "prefs.languages": [one.lower() for one in stored["prefs.languages"]]}


class Versioned(
    StateModel,
    scope="actor",
    prefix="prefs.",
    version=3,
    upgrades={1: split_languages, 2: lower_languages},
):
    languages: Annotated[list[str], Key(was="prefs.language")] = []
    name: str = ""


def test_values_of_an_earlier_version_are_upgraded_and_written_with_it() -> None:
    ctx = context(actor={"prefs.language": "EN,ZH", "prefs.name": "Alice"})
    model = Versioned.load(ctx)
    assert model == Versioned(languages=["en", "zh"], name="Alice")
    assert said(model.changes(ctx)) == {"prefs.languages": ["en", "zh"], "prefs._version": 3}
    assert model.changes(ctx) == []


def test_only_the_upgrades_since_the_stored_version_run() -> None:
    ctx = context(actor={"prefs._version": 2, "prefs.languages": ["EN"]})
    assert Versioned.load(ctx).languages == ["en"]
    ctx = context(actor={"prefs._version": 3, "prefs.languages": ["EN"]})
    model = Versioned.load(ctx)
    assert model.languages == ["EN"]
    assert model.changes(ctx) == []


def test_the_version_is_written_with_the_first_value() -> None:
    model = Versioned.load(context())
    assert model.changes(context()) == []
    model.name = "Alice"
    changes = [result.data["key"] for result in model.changes(context())]
    assert changes == ["prefs.name", "prefs._version"]
    model.name = "Bob"
    assert said(model.changes(context())) == {"prefs.name": "Bob"}


def test_a_later_version_is_read_as_far_as_it_fits_and_stays() -> None:
    ctx = context(actor={"prefs._version": 4, "prefs.languages": ["EN"], "prefs.name": 3})
    model = Versioned.load(ctx)
    assert model == Versioned(languages=["EN"])
    model.name = "Alice"
    assert said(model.changes(ctx)) == {"prefs.name": "Alice"}


@pytest.mark.parametrize("version", ["two", True, None, 1.5, -3])
def test_a_stored_version_that_is_not_valid_counts_as_1(version: object) -> None:
    ctx = context(actor={"prefs._version": version, "prefs.language": "EN"})
    assert Versioned.load(ctx).languages == ["en"]


def test_an_upgrade_that_fails_leaves_the_stored_values_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ctx = context(actor={"prefs.language": 5, "prefs.name": "Alice"})
    model = Versioned.load(ctx)
    assert model == Versioned()
    assert model.changes(ctx) == []
    assert caplog.messages == [
        misfit("actor key 'prefs._version'", "Versioned (upgrade: AttributeError)")
    ]


def test_an_upgrade_can_drop_a_value() -> None:
    def drop(stored: Stored) -> Stored:
        return {key: value for key, value in stored.items() if key != "prefs.tone"}

    class Dropped(StateModel, scope="actor", prefix="prefs.", version=2, upgrades={1: drop}):
        tone: str = "casual"

    model = Dropped.load(context(actor={"prefs.tone": "rude"}))
    assert said(model.changes(context())) == {"prefs.tone": "casual", "prefs._version": 2}


def test_a_model_may_be_inherited() -> None:
    class More(Prefs):
        age: int = 0

    assert More.load(context(actor={"prefs.language": "zh", "prefs.age": 7})) == More(
        language="zh", age=7
    )


class LongRun(Runner):
    """Reads and writes while it runs."""

    async def run(  # type: ignore[override]  # the SDK knows coroutines
        self, ctx: RunnerContext
    ) -> AsyncGenerator[RunnerResult, None]:
        prefs = Prefs.load(ctx)
        for word in (ctx.input.text or "").split():
            if word == "fetch":
                prefs = await Prefs.fetch(ctx)
            elif word == "save":
                await prefs.save(ctx)
            elif word == "clear":
                await prefs.clear(ctx)
            elif word == "null":
                prefs.note = None
            else:
                prefs.tags.append(word)
        await ctx.log(f"{prefs.tags} {prefs.note}")
        for result in prefs.changes(ctx):
            yield result


def test_a_long_run_fetches_and_saves_at_once(runner_harness: Any) -> None:
    harness = runner_harness(LongRun)
    run = harness.begin("a null save b fetch c save")
    assert run.step()["type"] == "processor.log"
    assert harness.state("actor") == {"prefs.tags": ["a", "c"], "prefs.note": None}
    reply = run.finish()
    assert reply.logs == ["info: ['a', 'c'] None"]
    assert reply.results[1:] == [reply.results[-1]]
    assert harness.say("fetch").logs == ["info: ['a', 'c'] None"]
    assert harness.say("clear").logs == ["info: [] none yet"]
    assert harness.state("actor") == {}


class Renaming(Runner):
    """Moves what an earlier version stored."""

    async def run(self, ctx: RunnerContext) -> None:
        await (await Versioned.fetch(ctx)).save(ctx)


def test_saving_deletes_the_former_keys(runner_harness: Any) -> None:
    harness = runner_harness(Renaming)
    harness.put("actor", {"prefs.language": "EN,ZH"})
    assert harness.say("hi").status == "completed"
    assert harness.state("actor") == {"prefs.languages": ["en", "zh"], "prefs._version": 3}


def test_a_refused_save_raises_and_writes_nothing(runner_harness: Any) -> None:
    harness = runner_harness(LongRun, scopes=["conversation"])
    reply = harness.say("a save")
    assert reply.status == "failed"
    assert 'Scope "actor" is not enabled by binding policy' in reply.error


class Priced(StateModel, scope="actor", prefix="p.", version=2, upgrades={1: split_languages}):
    a: int = 0
    b: str = ""


def test_a_write_after_a_failed_upgrade_does_not_store_the_new_version() -> None:
    model = Priced.from_state({"p.a": 7, "p.b": "kept"})
    model.a = 1
    assert said(model.changes(context())) == {"p.a": 1}
    model.b = "new"
    assert "p._version" not in said(model.changes(context()))
    whole = Priced.from_state({"p.a": 7, "p.b": "kept"})
    whole.a, whole.b = 1, "new"
    assert said(whole.changes(context())) == {"p.a": 1, "p.b": "new", "p._version": 2}


def test_a_secret_type_is_refused_since_it_is_written_as_stars() -> None:
    with pytest.raises(ModelError, match="token"):

        class Secretive(StateModel, scope="actor", prefix="s."):
            token: SecretStr = SecretStr("")


def test_text_that_is_not_unicode_is_named_before_it_is_written() -> None:
    model = Priced.from_state({})
    model.b = "\ud800"
    with pytest.raises(ModelError, match=r"Priced\.b"):
        model.changes(context())
