"""`langbot-state`: output for people and for machines, and no traceback for what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from testkit.servers import QUOTED

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.fixture
def command(root: Path) -> Command:
    def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
        program = Path(sys.executable).parent / "langbot-state"
        done = subprocess.run(
            [program, *words],
            cwd=root,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return run


def configure(root: Path, **section: Any) -> None:
    (root / "data" / "config.yaml").write_text(yaml.safe_dump({"state_ext": section}), "utf-8")


def test_help_and_version(command: Command) -> None:
    assert command("--help").returncode == 0
    assert command("--version").stdout.startswith("langbot-state 0.")
    for words in ((), ("no-such-command",), ("doctor", "--no-such-option")):
        done = command(*words)
        assert done.returncode == 2
        assert "usage: langbot-state" in done.stderr


def test_doctor_finds_everything_as_it_should_be(command: Command, root: Path) -> None:
    configure(root, enable=True)
    done = command("doctor")
    assert done.returncode == 0, done.stdout
    assert "data/state.db will be created at the first start" in done.stdout
    names = [check["name"] for check in json.loads(command("doctor", "--json").stdout)]
    assert names == ["langbot", "seams", "config", "start", "store", "plugin", "dify"]


def test_the_configuration_is_langbots_wherever_its_data_root_is(
    command: Command, root: Path
) -> None:
    configure(root, enable=True)
    (root / "elsewhere").mkdir()
    done = command("doctor", LANGBOT_DATA_ROOT=str(root / "elsewhere"))
    assert done.returncode == 0, done.stdout
    assert f"{root}/data/config.yaml is valid" in done.stdout
    assert f"{root}/data/state.db will be created" in done.stdout


def test_doctor_says_what_is_wrong(command: Command, root: Path) -> None:
    configure(root, enable=False, url="sqlite:///data/theirs.db")
    (root / "data" / "theirs.db").write_bytes(b"not ours")
    done = command("doctor", "--json")
    assert done.returncode == 1
    checks = {f["name"]: f for f in json.loads(done.stdout)}
    assert not checks["config"]["ok"]
    assert "langbot-state enable" in checks["config"]["detail"]
    assert not checks["store"]["ok"]
    assert "theirs.db is not a SQLite database" in checks["store"]["detail"]


def test_doctor_never_shows_a_password(command: Command, root: Path, postgres_url: str) -> None:
    configure(root, enable=True, url="${URL}")
    done = command("doctor", URL=postgres_url)
    assert done.returncode == 0, done.stdout
    assert ":***@127.0.0.1" in done.stdout
    assert QUOTED not in done.stdout


def test_a_faulty_section_ends_every_command_that_needs_it(command: Command, root: Path) -> None:
    configure(root, url="mysql://bot:hunter2@db/x", colour="red")
    for words in (("doctor",), ("export-host",)):
        done = command(*words)
        assert done.returncode == 1
        said = done.stdout + done.stderr
        assert "state_ext.url: unknown scheme mysql:" in said
        assert "state_ext.colour: unknown" in said
        assert "hunter2" not in said


def test_a_configuration_that_is_not_yaml_is_named(command: Command, root: Path) -> None:
    (root / "data" / "config.yaml").write_text("a: [", "utf-8")
    for words in (("doctor",), ("export-host",), ("enable",), ("disable",)):
        done = command(*words)
        assert done.returncode == 1
        assert "config.yaml is not YAML" in done.stdout + done.stderr


def test_export_without_a_langbot_database_says_so(command: Command, root: Path) -> None:
    configure(root, enable=True)
    done = command("export-host")
    assert done.returncode == 1
    assert "LangBot has no database at data/langbot.db yet: start LangBot once" in done.stderr
    assert [file.name for file in (root / "data").iterdir()] == ["config.yaml"]


def test_export_without_a_state_file_says_so_and_makes_none(command: Command, root: Path) -> None:
    configure(root, enable=True)
    (root / "data" / "langbot.db").touch()
    done = command("export-host")
    assert done.returncode == 1
    assert f"{root}/data/state.db does not exist" in done.stderr
    assert not (root / "data" / "state.db").exists()


def test_without_langbot_the_extra_is_named(root: Path) -> None:
    code = (
        "import sys; sys.modules['langbot'] = None\n"
        "from langbot_state_ext.cli import main; sys.exit(main(['export-host']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'langbot-state-ext[host]'" in done.stderr
    assert "Traceback" not in done.stderr
