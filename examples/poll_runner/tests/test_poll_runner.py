"""How the poll runner counts."""

from __future__ import annotations

from pathlib import Path

from langbot_state_ext.testing import RunnerHarness

PLUGIN = Path(__file__).parents[1]


def test_a_group_votes(runner_harness: type[RunnerHarness]) -> None:
    harness = runner_harness(PLUGIN)
    opened = harness.say("poll Tea or coffee? tea coffee", group="g1")
    assert opened == "Tea or coffee? tea: 0, coffee: 0"
    harness.say("vote tea", sender="alice", group="g1")
    harness.say("vote tea", sender="bob", group="g1")
    harness.say("vote coffee", sender="alice", group="g1")
    harness.restart()
    assert harness.say("result", group="g1") == "Tea or coffee? tea: 1, coffee: 1"
    assert harness.say("result", group="g2") == "There is no poll."


def test_what_is_not_an_option_is_not_counted(runner_harness: type[RunnerHarness]) -> None:
    harness = runner_harness(PLUGIN)
    assert harness.say("vote tea", group="g1") == "There is no poll."
    harness.say("poll Tea? yes no", group="g1")
    assert harness.say("vote maybe", group="g1") == "Tea? yes: 0, no: 0"
