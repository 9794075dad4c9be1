"""How the page gets into LangBot, is renewed with the extension, and leaves."""

from __future__ import annotations

import sqlite3
import subprocess
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from testkit.langbot_host import WITHOUT_COVERAGE, LangBotHost, with_extension
from testkit.plugin_package import bin_folder
from tools.plugin import PACKAGE

from .driver import PLUGIN, wait_until

pytestmark = pytest.mark.host

NAME = "langbot-state-ext-RunnerState-0.0.1.lbpkg"


def rows(folder: Path, table: str, where: str) -> list[str]:
    with closing(sqlite3.connect(folder / "data" / "langbot.db")) as db:
        return [row[0] for row in db.execute(f"SELECT * FROM {table} WHERE {where}")]


def installed(folder: Path) -> bool:
    return bool(rows(folder, "plugin_settings", "plugin_name = 'RunnerState'"))


def restart(host: LangBotHost, done: Callable[[], bool], what: str, **section: bool) -> None:
    host.config = {"state_ext": {"enable": True, **section}}
    host.restart()
    wait_until(done, what)


def test_the_page_comes_is_renewed_and_leaves(tmp_path: Path) -> None:
    older = tmp_path / NAME
    with zipfile.ZipFile(PACKAGE) as ours, zipfile.ZipFile(older, "w") as archive:
        for name in ours.namelist():
            archive.writestr(name, ours.read(name))
        archive.writestr("assets/older.txt", "of an older version")
    with with_extension(tmp_path / "bot", env=WITHOUT_COVERAGE) as host:
        host.wait_for_plugin(PLUGIN)
        host.install_plugin(older)
        restart(host, lambda: "Renewed the page Runner state" in host.log, "the newer page")
        host.wait_for_plugin(PLUGIN)
        restart(host, lambda: not installed(host.folder), "the page to leave", page=False)
        assert not host.plugin_runs(PLUGIN)
        restart(host, lambda: installed(host.folder), "the page to come back", page=True)
        host.wait_for_plugin(PLUGIN)
        host.stop_langbot()
        argv = [str(bin_folder() / "langbot-state"), "disable"]
        done = subprocess.run(argv, cwd=host.folder, check=True, capture_output=True, text=True)
        assert "Removed the page Runner state" in done.stdout
        assert not installed(host.folder)
        assert not rows(host.folder, "binary_storages", "owner_type = 'plugin_artifact'")
    with LangBotHost(tmp_path / "bot", env=WITHOUT_COVERAGE) as plain:
        assert not plain.plugin_runs(PLUGIN)
