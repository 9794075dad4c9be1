"""The pytest plugin: the fixture `runner_harness`, and reports of failed tests.

pytest finds it by its entry point. It imports nothing else until a test uses the fixture.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .harness.runner_harness import RunnerHarness

HARNESSES = pytest.StashKey[list["RunnerHarness"]]()


@pytest.fixture
def runner_harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[type[RunnerHarness]]:
    """`RunnerHarness` with its state in a file of this test, which survives `restart()`.

        def test_it_greets(runner_harness):
            harness = runner_harness(MyRunner)
            assert harness.say("hi") == "Hello alice"

    The harnesses of a test are closed after it.
    """
    from .harness.runner_harness import RunnerHarness

    harnesses: list[RunnerHarness] = []
    request.node.stash[HARNESSES] = harnesses

    class Harness(RunnerHarness):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            number = len(harnesses) + 1
            kwargs.setdefault("store", f"sqlite:///{tmp_path}/runner-state-{number}.db")
            super().__init__(*args, **kwargs)
            harnesses.append(self)

    yield Harness
    for harness in harnesses:
        harness.close()


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Show the state or the reply of a harness beside what the test expected."""
    if op != "==" or "langbot_state_ext.testing.harness.runner_harness" not in sys.modules:
        return None
    from .harness.comparison import explain_comparison

    return explain_comparison(left, right)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the report of each harness to the report of a failed test."""
    report = yield
    if call.when == "call" and report.failed:
        for harness in item.stash.get(HARNESSES, []):
            report.sections.append(("Runner conversation", _report(harness)))
    return report


def _report(harness: RunnerHarness) -> str:
    try:
        return harness.report()
    except Exception as error:  # noqa: BLE001 - an exception in a hook ends the pytest session
        return f"the report failed: {type(error).__name__}: {error}"
