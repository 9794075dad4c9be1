"""What the preferences runner keeps of whom."""

from __future__ import annotations

from pathlib import Path

from langbot_state_ext.testing import RunnerHarness

PLUGIN = Path(__file__).parents[1]


def test_it_greets_each_person_as_they_want(runner_harness: type[RunnerHarness]) -> None:
    harness = runner_harness(PLUGIN)
    assert harness.say("hello") == "Hi stranger!"
    assert harness.say("name Alice") == "Hi Alice!"
    assert harness.say("language fr") == "Salut Alice !"
    assert harness.say("tone formal", group="g1") == "Bonjour, Alice."
    assert harness.say("hello", sender="bob", group="g1") == "Hi stranger!"
    assert harness.state("actor") == {
        "prefs.name": "Alice",
        "prefs.language": "fr",
        "prefs.tone": "formal",
    }


def test_it_does_not_take_what_it_does_not_know(runner_harness: type[RunnerHarness]) -> None:
    harness = runner_harness(PLUGIN)
    assert harness.say("language klingon") == "Hi stranger!"
    assert harness.state("actor") == {}


def test_it_greets_as_ever_where_the_stored_language_is_gone(
    runner_harness: type[RunnerHarness],
) -> None:
    harness = runner_harness(PLUGIN)
    harness.put("actor", {"prefs.language": "klingon", "prefs.name": "Alice"})
    assert harness.say("hello") == "Hi Alice!"
