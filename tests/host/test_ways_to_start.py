"""However LangBot is started: once enabled, it loads the extension."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from langbot_state_ext import __version__
from testkit.langbot_host import WITHOUT_COVERAGE, LangBotHost
from testkit.plugin_package import bin_folder
from testkit.ports import free_ports

from .chats import install_probe, new_chat, put
from .environments import Environment

pytestmark = pytest.mark.host

ROOT = Path(__file__).parents[2]
LOADED = f"langbot-state-ext {__version__} keeps the state of LangBot"
SERVES = "Running on"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make what `uv sync` makes of LangBot's sources, and enable the extension there."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "main.py").write_text("import langbot.__main__\n\nlangbot.__main__.main()\n", "utf-8")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "checkout"\nversion = "1"\nrequires-python = ">=3.11"\n', "utf-8"
    )
    done = Environment(folder / ".venv").state("enable", "--new", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert f"in {folder / '.venv'} loads the extension" in done.stdout
    assert f"is started in {folder}\n" in done.stdout
    return folder


def log_of_start(argv: Sequence[object], *, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Start LangBot, stop it when it has loaded the extension or serves, and return its log."""
    log = ""
    with subprocess.Popen(
        [*map(str, argv), "--standalone-runtime"],
        cwd=cwd,
        env={**os.environ, **WITHOUT_COVERAGE, "PYTHONUNBUFFERED": "1", **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        encoding="utf-8",
    ) as langbot:
        assert langbot.stdout is not None
        try:
            while LOADED not in log and SERVES not in log and (line := langbot.stdout.readline()):
                log += line
        finally:
            os.killpg(langbot.pid, signal.SIGKILL)
    return log


@pytest.mark.parametrize(
    "argv",
    [
        [".venv/bin/langbot"],
        [".venv/bin/langbot-state", "run"],
        [".venv/bin/python", "-m", "langbot"],
        [".venv/bin/python", "-u", "-m", "langbot.__main__"],
        [".venv/bin/python", "main.py"],
        [bin_folder() / "uv", "run", "--no-sync", "main.py"],
        ["env", "-i", "PATH=.venv/bin:/usr/bin:/bin", "python", "main.py"],
    ],
    ids=lambda argv: " ".join(Path(word).name for word in argv),
)
def test_every_way_of_starting_loads_the_extension(checkout: Path, argv: Sequence[object]) -> None:
    LangBotHost(checkout).write_config()
    assert LOADED in log_of_start(argv, cwd=checkout)


@pytest.mark.soak
def test_uvx_uses_the_same_environment_for_enable_and_for_langbot(tmp_path: Path) -> None:
    uvx = [str(bin_folder() / "uvx"), "--python", sys.executable, "--with", f"{ROOT}[host]"]
    langbot = f"langbot=={version('langbot')}"

    def state(*words: str) -> Any:
        argv = [*uvx, "--from", langbot, "langbot-state", *words]
        done = subprocess.run(argv, cwd=tmp_path, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    enabled = state("enable", "--new", "--json")
    try:
        assert "is in a cache" in enabled["warning"]
        LangBotHost(tmp_path).write_config()
        assert LOADED in log_of_start([*uvx, "--from", langbot, "langbot"], cwd=tmp_path)
    finally:
        state("disable", "--json")
    assert not any(Path(file).exists() for file in enabled["written"][1:])


def test_an_image_has_only_the_hook_and_is_enabled_by_its_environment(tmp_path: Path) -> None:
    image, folder = Environment(tmp_path / "image"), tmp_path / "bot"
    folder.mkdir()
    done = image.state("enable", "--hook", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "loads the extension where STATE_EXT__ENABLE=true is set" in done.stdout
    assert not list(folder.iterdir())
    api, control = free_ports(2)
    settings = {
        "API__PORT": str(api),
        "BOX__ENABLED": "false",
        "PLUGIN__RUNTIME_WS_URL": f"ws://127.0.0.1:{control}/control/ws",
        "SPACE__DISABLE_TELEMETRY": "true",
        "SPACE__DISABLE_MODELS_SERVICE": "true",
    }
    argv = [image.python, "-m", "langbot"]
    assert SERVES in log_of_start(argv, cwd=folder, env=settings)
    settings["STATE_EXT__ENABLE"] = "true"
    assert LOADED in log_of_start(argv, cwd=folder, env=settings)


def test_the_state_of_a_source_checkout_is_there_after_a_restart(checkout: Path) -> None:
    argv = [str(checkout / ".venv/bin/python"), "main.py"]
    with LangBotHost(checkout, command=argv, env=WITHOUT_COVERAGE) as host:
        install_probe(host)
        chat = new_chat(host)
        chat.run(put("subject", "topic", "tea"), group="g1")
        assert LOADED in host.log
        host.restart(runner_ids=["plugin:langbot-state-ext/ProbeRunner/default"])
        assert chat.state(sender="bob", group="g1")["subject"] == {"topic": "tea"}
