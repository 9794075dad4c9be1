"""Which LangBot the extension runs in: the seams decide, not the version."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from langbot_state_ext import HostNotSupported, RunLifecycle, StateStore, __version__
from langbot_state_ext.host import compat, environment, launcher
from langbot_state_ext.host.adapter import host_patches
from langbot_state_ext.host.compat import SUPPORTED, decide, host_version
from langbot_state_ext.host.seams import RELIED_ON, KnownSeam, Seam, known_seams, read_seams
from testkit.langbot_api import HostError
from testkit.langbot_host import WITHOUT_COVERAGE, with_extension
from testkit.plugin_package import bin_folder

from .chats import install_probe, new_chat, put
from .other_langbot import other_langbot

pytestmark = pytest.mark.host

JOURNAL = "pkg/agent/runner/run_journal.py"
FINALIZE = "langbot.pkg.agent.runner.run_journal.AgentRunJournal.finalize_run"
DOCSTRING = '"""Finalize or update the Host-owned run ledger record."""'
CHANGED_CODE = {JOURNAL: (DOCSTRING, f"{DOCSTRING}\n        usage = usage or None")}
CHANGED_SIGNATURE = {
    JOURNAL: ("finalize_run(\n        self,", "finalize_run(\n        self, more=1,")
}

OLD, NEW = Seam("(self, a)", "def f(self, a): ..."), Seam("(self, a)", "def f(self, a): return a")
KNOWN = {
    "x.f": [
        KnownSeam(OLD.signature, OLD.code, ("4.11.0",)),
        KnownSeam(NEW.signature, NEW.code, ("4.11.1", "4.11.2")),
    ],
    "x.g": [KnownSeam(NEW.signature, NEW.code, ("4.11.0", "4.11.1"))],
}


def places() -> set[str]:
    patches = host_patches(RunLifecycle(StateStore()), logger=None)
    return {*RELIED_ON, *(patch.place for patch in patches)}


@pytest.mark.parametrize(
    ("version", "found", "like", "tested"),
    [
        ("4.11.1", {"x.f": NEW, "x.g": NEW}, "4.11.1", True),
        ("4.11.2", {"x.f": NEW, "x.g": None}, "4.11.2", True),
        ("4.11.3", {"x.f": NEW}, "4.11.2", False),
        ("4.11.3", {"x.f": NEW, "x.g": NEW}, "4.11.1", False),
        ("4.11.2", {"x.f": OLD}, "4.11.0", False),
        ("4.11.3", {"x.f": OLD, "x.g": None}, "", False),
    ],
)
def test_a_langbot_with_known_seams_runs(
    version: str, found: dict[str, Seam | None], like: str, tested: bool
) -> None:
    verdict = decide(version, found, KNOWN)
    assert (verdict.faults, verdict.like, verdict.tested) == ((), like, tested)


def test_the_warning_says_which_version_has_the_same_seams() -> None:
    ext = f"is not tested with langbot-state-ext {__version__}; its seams are those of"
    assert decide("4.11.2", {"x.f": NEW}, KNOWN).warning is None
    assert decide("4.11.3", {"x.f": NEW}, KNOWN).warning == f"LangBot 4.11.3 {ext} 4.11.2"
    assert decide("4.11.2", {"x.f": OLD}, KNOWN).warning == (
        f"LangBot 4.11.2 is changed: it {ext} 4.11.0"
    )
    mixed = decide("4.11.3", {"x.f": OLD, "x.g": None}, KNOWN).warning
    assert mixed == f"LangBot 4.11.3 {ext} several tested versions"


@pytest.mark.parametrize("version", ["4.11.2", "4.11.3"])
def test_every_changed_seam_is_named_with_what_has_changed(version: str) -> None:
    found = {"x.g": Seam("async (self, b)", ""), "x.f": Seam("(self, a)", "def f(self, a): 1")}
    assert decide(version, found, KNOWN).faults == (
        "the code of x.f has changed",
        "x.g takes async (self, b), not (self, a)",
    )
    assert decide(version, {"x.f": None}, KNOWN).faults == ("x.f is missing",)


def test_the_seams_of_this_langbot_are_those_of_its_version() -> None:
    verdict = decide(host_version(), read_seams(places()), known_seams())
    assert (verdict.faults, verdict.tested) == ((), True)


def test_every_place_is_in_the_table_for_every_tested_version() -> None:
    table = known_seams()
    assert places() <= set(table)
    recorded = {version for known in table.values() for each in known for version in each.versions}
    assert recorded == set(SUPPORTED)
    for place in RELIED_ON:
        versions = [version for each in table[place] for version in each.versions]
        assert sorted(versions) == sorted(SUPPORTED), place


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "pkg").mkdir()
    return tmp_path


SOURCE = """
class C:
    @d
    async def f(self, x: str = '#', *, y=2):
        '''Text.

        # More.'''
        return x
"""


def read_f(site: Path, source: str) -> Seam | None:
    (site / "pkg" / "m.py").write_text(source, "utf-8")
    return read_seams(["pkg.m.C.f"], site)["pkg.m.C.f"]


def test_comments_empty_lines_and_the_code_around_do_not_count(package: Path) -> None:
    seam = read_f(package, SOURCE)
    assert seam is not None
    assert seam.signature == "async (self, x='#', *, y=2)"
    assert "# More." in seam.source
    other = SOURCE.replace("@d", "@d  # one\n    # two")
    other = other.replace("        return x", "\n  # three\n        return x  ")
    for source in (f"x = 1\n{other}    g = 1\n", f"class D:\n    f = 1\n{SOURCE}"):
        assert read_f(package, source) == seam


@pytest.mark.parametrize(
    ("old", "new"),
    [("@d", "@e"), ("'#'", "''"), ("x: str", "x: int"), ("return x", "return y"), ("async ", "")],
)
def test_any_other_change_counts(package: Path, old: str, new: str) -> None:
    before, after = read_f(package, SOURCE), read_f(package, SOURCE.replace(old, new))
    assert before is not None
    assert after is not None
    assert before.code != after.code


@pytest.mark.parametrize("place", ["pkg.m.C.g", "pkg.m.D", "pkg.n.C", "pkg.m.x.y", "no_such.m.f"])
def test_what_is_not_there_is_no_seam(package: Path, place: str) -> None:
    (package / "pkg" / "m.py").write_text("x = y = 1\nclass C:\n    f = 1\n", "utf-8")
    assert read_seams([place], package) == {place: None}


def run(folder: Path, env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [bin_folder() / "langbot-state", *words],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def checks(folder: Path, env: dict[str, str]) -> dict[str, Any]:
    found = json.loads(run(folder, env, "doctor", "--json").stdout)
    return {check["name"]: check for check in found}


@pytest.mark.soak
def test_a_new_langbot_with_the_same_seams_runs_with_one_warning(tmp_path: Path) -> None:
    env = other_langbot(tmp_path / "site", "4.11.3") | WITHOUT_COVERAGE
    warning = f"LangBot 4.11.3 is not tested with langbot-state-ext {__version__}; its seams are"
    with with_extension(tmp_path / "langbot", env=env) as host:
        assert host.log.count(warning) == 1
        assert "keeps the state of LangBot 4.11.3's runners" in host.log
        found = checks(host.folder, env)
    assert found["langbot"]["ok"]
    assert found["seams"]["ok"]
    assert found["seams"]["detail"].startswith(warning)


@pytest.fixture
def changed(tmp_path: Path) -> dict[str, str]:
    return other_langbot(tmp_path / "site", "4.11.3", CHANGED_CODE) | WITHOUT_COVERAGE


@pytest.mark.soak
def test_a_changed_seam_is_refused_by_name(tmp_path: Path, changed: dict[str, str]) -> None:
    fault = f"LangBot 4.11.3 does not fit langbot-state-ext {__version__}: the code of {FINALIZE}"
    host = with_extension(tmp_path / "langbot", env=changed)
    with pytest.raises(HostError, match="LangBot ended with 1"), host:
        pass
    assert f"LangBot was not started: {fault} has changed. Use an unchanged LangBot" in host.log
    assert "Traceback" not in host.log
    assert not (host.folder / "data" / "state.db").exists()
    found = checks(host.folder, changed)
    assert found["langbot"]["ok"]
    assert not found["seams"]["ok"]
    assert found["seams"]["detail"].startswith(fault)
    before = host.config_file.read_bytes()
    done = run(host.folder, changed, "enable")
    assert done.returncode == 1
    assert fault in done.stderr
    assert host.config_file.read_bytes() == before


def test_a_changed_seam_of_a_tested_version_is_refused_with_what_has_changed(
    tmp_path: Path,
) -> None:
    version = host_version()
    env = other_langbot(tmp_path / "site", version, CHANGED_SIGNATURE)
    found = checks(tmp_path, env)["seams"]
    assert not found["ok"]
    assert f"LangBot {version} does not fit" in found["detail"]
    assert f"{FINALIZE} takes async (self, more=1, *, run_id, status," in found["detail"]


@pytest.mark.soak
def test_with_plain_a_changed_langbot_runs_without_the_extension_and_says_so(
    tmp_path: Path, changed: dict[str, str]
) -> None:
    with with_extension(tmp_path / "langbot", env=changed, on_unknown_host="plain") as host:
        assert host.log.count("LangBot runs WITHOUT langbot-state-ext") == 1
        assert "ERROR" in next(line for line in host.log.splitlines() if "WITHOUT" in line)
        assert f"the code of {FINALIZE} has changed" in host.log
        install_probe(host)
        chat = new_chat(host)
        chat.run(put("actor", "memory.a", 1))
        assert chat.state()["actor"] == {"memory.a": 1}
    with closing(sqlite3.connect(host.folder / "data" / "langbot.db")) as db:
        assert db.execute("SELECT state_key FROM runner_state").fetchall() == [("memory.a",)]
    assert not (host.folder / "data" / "state.db").exists()


def test_enable_takes_a_changed_langbot_when_the_settings_say_plain(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    mocker.patch("sysconfig.get_path", return_value=str(tmp_path))
    mocker.patch.object(compat, "known_seams", return_value={})
    config = tmp_path / "data" / "config.yaml"
    config.parent.mkdir()
    config.write_text("state_ext: {on_unknown_host: refuse}\n", "utf-8")
    with pytest.raises(HostNotSupported, match="does not fit"):
        launcher.enable(config)
    assert not environment.hook_installed()
    config.write_text("state_ext: {on_unknown_host: plain}\n", "utf-8")
    launcher.enable(config)
    assert environment.hook_installed()
