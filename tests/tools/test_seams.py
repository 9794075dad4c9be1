"""`make seams`: what it says of another LangBot, and what it records of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from langbot_state_ext.host.compat import SUPPORTED
from langbot_state_ext.host.seams import KnownSeam, Seam
from tools import seams

ONE = Seam("(self, a)", "def f(self, a):\n    return a")
OTHER = Seam("(self, a, b)", "def f(self, a, b):\n    return a")


def test_what_differs_is_shown_with_its_signature_and_a_diff() -> None:
    shown = list(seams.differences({"x.f": ONE, "x.g": ONE}, {"x.f": OTHER, "x.g": ONE}))
    assert shown[:2] == ["x.f", "  was (self, a)\n  is  (self, a, b)"]
    assert "  -def f(self, a):" in shown
    assert "  +def f(self, a, b):" in shown
    assert not any("x.g" in line for line in shown)
    assert "missing" in list(seams.differences({"x.f": ONE}, {"x.f": None}))[1]


def test_a_version_is_recorded_beside_those_with_the_same_code() -> None:
    table = seams.record({}, "4.11.0", {"x.f": ONE, "x.g": ONE})
    table = seams.record(table, "4.11.1", {"x.f": ONE, "x.g": OTHER, "x.h": None})
    assert [one["versions"] for one in table["x.f"]] == [["4.11.0", "4.11.1"]]
    assert [one["versions"] for one in table["x.g"]] == [["4.11.0"], ["4.11.1"]]
    assert "x.h" not in table
    again = seams.record(table, "4.11.0", {"x.g": OTHER})
    assert [one["versions"] for one in again["x.f"]] == [["4.11.1"]]
    assert [one["versions"] for one in again["x.g"]] == [["4.11.0", "4.11.1"]]


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Make an environment whose LangBot is the newest tested one, without any code."""
    site = tmp_path / "lib" / "python3.12" / "site-packages"
    metadata = site / f"langbot-{SUPPORTED[-1]}.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Name: langbot\nVersion: {SUPPORTED[-1]}\n", "utf-8")
    return tmp_path


def test_the_exit_status_says_whether_something_differs(
    environment: Path, mocker: MockerFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    mocker.patch.object(seams, "known_seams", return_value={})
    mocker.patch.object(seams, "places", return_value=["langbot.pkg.core.boot.make_app"])
    assert seams.main(["--newest", str(environment)]) == 1
    assert "+async def make_app(loop" in capsys.readouterr().out
    mocker.patch.object(seams, "places", return_value=["langbot.pkg.core.boot.no_such"])
    assert seams.main(["--newest", str(environment)]) == 0
    assert f"are those of {SUPPORTED[-1]}" in capsys.readouterr().out


def test_a_seam_that_only_the_newest_has_is_missing(
    environment: Path, mocker: MockerFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    module = environment / "lib" / "python3.12" / "site-packages" / "langbot" / "pkg" / "old.py"
    module.parent.mkdir(parents=True)
    module.write_text("def reset(a): ...\n", "utf-8")
    known = [KnownSeam("(a)", "", (SUPPORTED[-1],))]
    mocker.patch.object(seams, "known_seams", return_value={"langbot.pkg.old.reset": known})
    mocker.patch.object(seams, "places", return_value=[])
    assert seams.main(["--newest", str(environment)]) == 1
    assert "langbot.pkg.old.reset\n  was (a)\n  is  missing" in capsys.readouterr().out


def test_an_environment_with_another_langbot_is_no_measure(
    environment: Path, mocker: MockerFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    mocker.patch.object(seams, "SUPPORTED", ("4.10.0",))
    assert seams.main(["--newest", str(environment)]) == 2
    assert f"has LangBot {SUPPORTED[-1]}, not 4.10.0: run make setup" in capsys.readouterr().out


def test_recording_again_changes_nothing(mocker: MockerFixture, tmp_path: Path) -> None:
    before = seams.TABLE.read_text("utf-8")
    copy = tmp_path / "seams.json"
    copy.write_text(before, "utf-8")
    mocker.patch.object(seams, "TABLE", copy)
    assert seams.main(["--write"]) == 0
    after: Any = json.loads(copy.read_text("utf-8"))
    assert after == json.loads(before)
