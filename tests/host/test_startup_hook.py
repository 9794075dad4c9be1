"""Which process is LangBot, and what the hook in its environment does elsewhere: nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_mock import MockerFixture

from langbot_state_ext import ConfigError
from langbot_state_ext.host import launcher, startup_hook

PYTHON = "/usr/bin/python3"


@pytest.mark.parametrize(
    ("argv", "host"),
    [
        ([PYTHON, "/venv/bin/langbot"], True),
        ([PYTHON, "-X", "utf8", "langbot", "--standalone-runtime"], True),
        (["C:\\venv\\python.exe", "C:\\venv\\Scripts\\langbot.exe"], True),
        ([PYTHON, "-m", "langbot"], True),
        ([PYTHON, "-u", "-m", "langbot", "--debug"], True),
        ([PYTHON, "-m", "langbot_plugin.cli"], False),
        ([PYTHON, "-m", "pip", "install", "langbot"], False),
        ([PYTHON, "/venv/bin/lbp", "rt"], False),
        ([PYTHON, "/venv/bin/langbot-state", "doctor"], False),
        ([PYTHON, "-c", "print()"], False),
        ([PYTHON], False),
        ([], False),
    ],
)
def test_which_command_line_is_langbot(argv: list[str], host: bool) -> None:
    assert startup_hook.is_host(argv) == host


@pytest.fixture
def site(tmp_path: Path, mocker: MockerFixture) -> Path:
    """Put the hook's files into a folder of our own, as if it were site-packages."""
    mocker.patch("sysconfig.get_path", return_value=str(tmp_path))
    return tmp_path


def test_enable_and_disable_leave_the_other_settings_alone(site: Path) -> None:
    config = site / "data" / "config.yaml"
    config.parent.mkdir()
    before = {"api": {"port": 5300}, "state_ext": {"url": "memory://"}}
    config.write_text(yaml.safe_dump(before), "utf-8")
    written = launcher.enable(config)
    assert all(file.exists() for file in written)
    assert launcher.hook_installed()
    assert read(config) == before | {"state_ext": {"url": "memory://", "enable": True}}
    assert set(launcher.disable(config)) == set(written)
    assert not launcher.hook_installed()
    assert read(config) == before | {"state_ext": {"url": "memory://", "enable": False}}
    assert launcher.disable(config) == [config]


def test_enable_begins_with_langbots_own_template(site: Path) -> None:
    config = site / "data" / "config.yaml"
    launcher.enable(config)
    settings = read(config)
    assert settings["state_ext"] == {"enable": True}
    assert "api" in settings
    assert launcher.disable(site / "elsewhere" / "config.yaml")


@pytest.mark.parametrize("text", ["a: [", "- a\n- b", "5"])
def test_a_configuration_that_cant_be_read_is_named_and_left_alone(site: Path, text: str) -> None:
    config = site / "config.yaml"
    config.write_text(text, "utf-8")
    for change in (launcher.enable, launcher.disable):
        with pytest.raises(ConfigError, match=str(config)):
            change(config)
    assert config.read_text("utf-8") == text
    assert not launcher.hook_installed()


def test_disabling_takes_the_hook_away_whatever_the_configuration_is(site: Path) -> None:
    config = site / "config.yaml"
    launcher.enable(config)
    config.write_text("a: [", "utf-8")
    with pytest.raises(ConfigError, match=r"the start-up hook is removed, but .* is not YAML"):
        launcher.disable(config)
    assert not launcher.hook_installed()


def test_a_disk_that_is_full_leaves_the_configuration_as_it_is(
    site: Path, mocker: MockerFixture
) -> None:
    config = site / "config.yaml"
    config.write_text("api: {port: 5300}\n", "utf-8")

    def full(path: Path, text: str, *_rest: Any) -> None:
        path.write_bytes(text[:5].encode())
        raise OSError(28, "No space left on device")

    mocker.patch("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match="No space left"):
        launcher.write_section(config, {"enable": True})
    assert config.read_bytes() == b"api: {port: 5300}\n"
    assert [file.name for file in site.iterdir()] == ["config.yaml"]


def test_a_configuration_keeps_its_place_and_its_permissions(site: Path) -> None:
    real = site / "real.yaml"
    real.write_text("api: {port: 5300}\n", "utf-8")
    real.chmod(0o640)
    config = site / "config.yaml"
    config.symlink_to(real)
    launcher.write_section(config, {"enable": True})
    assert config.is_symlink()
    assert read(real) == {"api": {"port": 5300}, "state_ext": {"enable": True}}
    assert real.stat().st_mode & 0o777 == 0o640


def read(config: Path) -> Any:
    return yaml.safe_load(config.read_text("utf-8"))


def run_with_hook(site: Path, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *argv],
        env={**os.environ, "PYTHONPATH": str(site), **env},
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_hook_imports_nothing_in_another_process(site: Path) -> None:
    launcher.enable(site / "config.yaml")
    code = f"import sys; before = set(sys.modules); import {launcher.HOOK}; "
    code += f"print(set(sys.modules) - before == {{{launcher.HOOK!r}}})"
    assert run_with_hook(site, "-c", code).stdout == "True\n"


def test_a_hook_left_behind_says_what_to_do(site: Path) -> None:
    _config, hook, loader = launcher.enable(site / "config.yaml")
    (site / "langbot").write_text(
        "import sys\n"
        "class Gone:\n"
        "    def find_spec(self, name, *_rest):\n"
        "        if name == 'langbot_state_ext':\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Gone())\n"
        f"import {launcher.HOOK}\n"
        "import langbot.pkg.core.boot\n",
        "utf-8",
    )
    done = run_with_hook(site, str(site / "langbot"))
    assert done.returncode == 0, done.stderr
    assert f"start-up hook is: delete {hook} and {loader.name} beside it" in done.stderr


def test_an_extension_that_is_broken_keeps_langbot_from_starting(site: Path) -> None:
    launcher.enable(site / "config.yaml")
    (site / "langbot").write_text(
        f"import sys\nimport {launcher.HOOK}\n"
        "sys.modules['langbot_state_ext.host.boot'] = None\n"
        "import langbot.pkg.core.boot\n",
        "utf-8",
    )
    done = run_with_hook(site, str(site / "langbot"))
    assert done.returncode == 1
    assert "LangBot was not started: langbot-state-ext can't be loaded" in done.stderr


def test_a_section_that_is_no_mapping_is_named_and_left_alone(site: Path) -> None:
    config = site / "config.yaml"
    config.write_text("state_ext: on\n", "utf-8")
    for change in (launcher.enable, launcher.disable):
        with pytest.raises(ConfigError, match="not a mapping"):
            change(config)
    assert config.read_text("utf-8") == "state_ext: on\n"


def test_a_hook_without_wrapt_says_what_to_do(site: Path) -> None:
    launcher.enable(site / "config.yaml")
    (site / "langbot").write_text(
        f"import sys\nsys.modules['wrapt'] = None\nimport {launcher.HOOK}\n", "utf-8"
    )
    done = run_with_hook(site, str(site / "langbot"))
    assert done.returncode == 0, done.stderr
    assert "not installed any more, but its start-up hook is: delete" in done.stderr
