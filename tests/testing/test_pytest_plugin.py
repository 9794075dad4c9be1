"""The pytest plugin, from outside: as a project that has installed this package sees it."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

RUNNER = '''
from langbot_plugin.api.definition.components.runner import Runner, RunnerResult
from langbot_plugin.api.entities.builtin.provider.message import Message
from langbot_state_ext.runner import StateModel


class Prefs(StateModel, scope="actor", prefix="prefs."):
    language: str = "en"
    turns: int = 0


class Greeter(Runner):
    """Counts turns and learns languages."""

    async def run(self, ctx):
        prefs = Prefs.load(ctx)
        prefs.turns += 1
        if ctx.input.text.startswith("speak "):
            prefs.language = ctx.input.text.removeprefix("speak ")
        if ctx.input.text == "trip":
            raise RuntimeError("tripped")
        for result in prefs.changes(ctx):
            yield result
        message = Message(role="assistant", content=f"{prefs.turns} {prefs.language}")
        yield RunnerResult.message_completed(ctx.run_id, message)
'''


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(greeter=RUNNER)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    return pytester


def run(project: pytest.Pytester, test: str) -> pytest.RunResult:
    project.makepyfile(test_greeter="from greeter import Greeter, Prefs\n\n" + test)
    return project.runpytest_subprocess("-p", "no:cacheprovider")


def test_the_fixture_needs_no_import(project: pytest.Pytester) -> None:
    project.runpytest_subprocess("--fixtures").stdout.fnmatch_lines(
        [
            "runner_harness -- *plugin.py*",
            "*`RunnerHarness` with its state in a file of this test*",
        ]
    )


def test_a_test_of_twenty_turns_passes(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
def test_twenty_turns(runner_harness):
    harness = runner_harness(Greeter)
    for turn in range(1, 21):
        assert harness.say("hi", group="g1") == f"{turn} en"
    harness.say("speak zh", sender="bob", group="g1")
    harness.restart()
    assert harness.state(Prefs, sender="bob", group="g1") == Prefs(language="zh", turns=1)
    other = runner_harness(Greeter)
    assert other.say("hi") == "1 en"
""",
    )
    result.assert_outcomes(passed=1)


def test_a_failing_reply_shows_the_conversation(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
def test_reply(runner_harness):
    harness = runner_harness(Greeter)
    harness.say("speak zh")
    assert harness.say("hi", sender="bob") == "2 zh"
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E   *assert the reply is as expected",
            'E     *said * "1 en"',
            'E     *expected * "2 zh"',
            "*Runner conversation*",
            "The conversation:",
            "  1. alice: speak zh",
            '       actor prefs.language = "zh"',
            "     -> 1 zh",
            "  2. bob: hi",
            "     -> 1 en",
            "The state:",
            "  actor of alice",
            '    prefs.language = "zh"',
            "  actor of bob",
            "    prefs.turns = 1",
        ]
    )


def test_failing_state_is_shown_beside_what_was_expected(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
def test_state(runner_harness):
    harness = runner_harness(Greeter)
    harness.say("hi")
    expected = {"prefs.turns": 2, "prefs.language": "zh"}
    assert harness.state("actor") == expected
""",
    )
    result.stdout.fnmatch_lines(
        [
            "E   *assert the stored state is as expected",
            "E    *actor*stored*expected",
            'E    *>*prefs.language*-*"zh"',
            "E    *>*prefs.turns*1*2",
            "*Runner conversation*",
        ]
    )


def test_a_failing_model_is_shown_beside_what_was_expected(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
def test_model(runner_harness):
    harness = runner_harness(Greeter)
    harness.say("hi")
    assert Prefs(turns=2) == harness.state(Prefs)


def test_made():
    assert Prefs(turns=1) == Prefs(turns=2)
""",
    )
    result.stdout.fnmatch_lines(
        [
            "E   *assert the model is as expected",
            "E    *Prefs*stored*expected",
            'E    *language*"en"*"en"',
            "E    *>*turns*1*2",
            "*Runner conversation*",
            "E   *assert Prefs(*turns=1) == Prefs(*turns=2)*",
        ]
    )


def test_a_run_that_raised_is_shown_with_its_traceback(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
def test_trip(runner_harness):
    assert "1 en" == runner_harness(Greeter).say("trip")
""",
    )
    result.stdout.fnmatch_lines(
        [
            "E   *the run failed: Error running agent: tripped",
            "     -> failed: Error running agent: tripped",
            '*greeter.py", line *, in run',
            '*raise RuntimeError("tripped")',
        ]
    )


def test_other_comparisons_are_shown_as_usual(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
def test_plain(runner_harness):
    harness = runner_harness(Greeter)
    assert harness.say("hi") != "other"
    assert harness.say("hi") == 5


def test_without(tmp_path):
    assert [1] == [2]
""",
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*assert '2 en' == 5*", "*assert [[]1] == [[]2]*"])


def test_an_open_run_ends_with_its_test(project: pytest.Pytester) -> None:
    result = run(
        project,
        """
def test_open(runner_harness):
    runner_harness(Greeter).begin("hi").step()
""",
    )
    result.assert_outcomes(passed=1)
    result.stderr.no_fnmatch_line("*never awaited*")


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('with runner_harness(Greeter) as h:\n        assert h.say("hi") == "no"', "     -> 1 en"),
        (
            'h = runner_harness(Greeter)\n    h.say("", sender="")\n    h.say("")\n    assert 0',
            "  runner",
        ),
        (
            "h = runner_harness(Greeter)\n    h.report = lambda: 1 / 0\n    assert not h",
            "the report failed: ZeroDivisionError: *",
        ),
    ],
    ids=["closed", "nobody", "broken"],
)
def test_a_failing_test_never_ends_the_session(
    project: pytest.Pytester, body: str, shown: str
) -> None:
    project.makepyfile(greeter=RUNNER.replace('scope="actor"', 'scope="runner"'))
    result = run(
        project, f"def test_one(runner_harness):\n    {body}\n\n\ndef test_two():\n    pass\n"
    )
    outcomes = result.parseoutcomes()
    assert (outcomes["passed"], outcomes["failed"]) == (1, 1)
    result.stdout.fnmatch_lines(["*Runner conversation*", shown])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    result.stderr.no_fnmatch_line("*never awaited*")
