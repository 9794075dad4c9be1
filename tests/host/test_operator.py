"""What an operator relies on, in a real LangBot whose data root is somewhere else."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from testkit.langbot_host import LangBotHost, with_extension
from testkit.plugin_package import bin_folder

from .chats import install_probe, new_chat

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, elsewhere: Path) -> Iterator[LangBotHost]:
    env = {"LANGBOT_DATA_ROOT": str(elsewhere)}
    host = with_extension(tmp_path_factory.mktemp("langbot"), env=env)
    taken = urlsplit(host.url)
    with socket.create_server((taken.hostname, taken.port)), host:
        assert host.url != taken.geturl()
        install_probe(host)
        yield host


def test_langbots_data_root_moves_neither_configuration_nor_state(
    host: LangBotHost, elsewhere: Path
) -> None:
    state = host.folder / "data" / "state.db"
    assert f"runners in sqlite:///{state}" in host.log
    assert state.exists()
    assert not list(elsewhere.rglob("state.db"))
    done = subprocess.run(
        [bin_folder() / "langbot-state", "doctor"],
        cwd=host.folder,
        env={**os.environ, **host.env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert f"{state} is readable" in done.stdout


def test_bytes_that_are_no_value_are_reported_in_langbots_log(host: LangBotHost) -> None:
    chat = new_chat(host)
    chat.run({"set": ["actor", "fine", 1]})
    with closing(sqlite3.connect(host.folder / "data" / "state.db")) as db, db:
        db.execute(
            """INSERT INTO entries (scope_id, key, value, version, updated_at)
            SELECT scope_id, 'bad.key', CAST('{secret' AS BLOB), 1, 1.0
            FROM entries WHERE key = 'fine'"""
        )
    assert chat.state()["actor"] == {"fine": 1}
    logs = "".join(
        log.read_text("utf-8") for log in (host.folder / "data" / "logs").glob("langbot-*.log")
    )
    for shown in (host.log, logs):
        assert "actor key 'bad.key'" in shown
        assert "secret" not in shown
