"""The pytest plugin: one fixture, and failure messages that show the conversation.

Installed with the package; pytest finds it by its entry point. Nothing else is imported until a
test asks for the fixture.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .harness.harness import RunnerHarness

OPENED = pytest.StashKey[list["RunnerHarness"]]()


@pytest.fixture
def runner_harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[type[RunnerHarness]]:
    """`RunnerHarness`, whose state is in a file of this test and survives `restart()`.

        def test_it_greets(runner_harness):
            harness = runner_harness(MyRunner)
            assert harness.say("hi") == "Hello alice"

    Every harness that a test makes is closed after it.
    """
    from .harness.harness import RunnerHarness

    opened: list[RunnerHarness] = []
    request.node.stash[OPENED] = opened

    class Harness(RunnerHarness):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            number = len(opened) + 1
            kwargs.setdefault("store", f"sqlite:///{tmp_path}/runner-state-{number}.db")
            super().__init__(*args, **kwargs)
            opened.append(self)

    yield Harness
    for harness in opened:
        harness.close()


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Show stored state, or a reply, beside what was expected."""
    report = sys.modules.get("langbot_state_ext.testing.harness.report")
    return report.compared(left, right) if op == "==" and report else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the conversation to the report of a test that failed."""
    report = yield
    if call.when == "call" and report.failed:
        for harness in item.stash.get(OPENED, []):
            report.sections.append(("Runner conversation", _report(harness)))
    return report


def _report(harness: RunnerHarness) -> str:
    try:
        return harness.report()
    except Exception as error:  # noqa: BLE001 - an error in a hook ends the whole session
        return f"could not be shown: {type(error).__name__}: {error}"
