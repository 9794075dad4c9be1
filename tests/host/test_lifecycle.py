"""Starting, dying, leaving: what an operator does to a LangBot, and what becomes of the state."""

from __future__ import annotations

import itertools
import os
import re
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from testkit.http_bot import HttpBot
from testkit.langbot_api import HostError
from testkit.langbot_host import WITHOUT_COVERAGE, LangBotHost, with_extension

pytestmark = pytest.mark.host

ROOT = Path(__file__).parents[2]
RUNNER = "plugin:langbot-state-ext/CountingRunner/default"
README = (ROOT / "README.md").read_text("utf-8")


def turns(answer: str) -> tuple[int, int]:
    """Return which turn the counting runner says that it was, here and in all."""
    found = re.search(r"this is turn (\d+) here, and (\d+) in all", answer)
    assert found, answer
    return int(found[1]), int(found[2])


def install_counting_runner(host: LangBotHost) -> HttpBot:
    host.install_plugin(host.build_plugin(ROOT / "examples" / "counting_runner"), runner_id=RUNNER)
    return host.create_bot("counting", host.create_pipeline("counting", RUNNER))


def test_a_killed_langbot_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    with with_extension(tmp_path, env=WITHOUT_COVERAGE) as host:
        bot = install_counting_runner(host)
        answered = (0, 0)
        for after_s in (0.1, 0.5, 0.9):
            answered = talk_until_killed(host, bot, answered, after_s=after_s)
            host.start()
            host.wait_for_runner(RUNNER)
            now = turns(bot.say("after the kill"))
            assert_counted(answered, now, unanswered=1)
            answered = now


def talk_until_killed(
    host: LangBotHost, bot: HttpBot, answered: tuple[int, int], *, after_s: float
) -> tuple[int, int]:
    """Have two turns answered, then talk on while LangBot is killed; return the last answer."""
    killer = threading.Timer(after_s, host.kill)
    for said in itertools.count(1):
        try:
            now = turns(bot.say("and on"))
        except httpx.HTTPError:
            break
        assert_counted(answered, now, unanswered=0)
        answered = now
        if said == 2:
            killer.start()
    killer.join()
    return answered


def assert_counted(before: tuple[int, int], now: tuple[int, int], *, unanswered: int) -> None:
    """Every answered turn is counted once; each count may have one of a turn that was cut."""
    for was, is_now in zip(before, now, strict=True):
        assert was < is_now <= was + 1 + unanswered


def test_a_faulty_section_keeps_langbot_from_starting(tmp_path: Path) -> None:
    host = with_extension(
        tmp_path, url="mysql://bot:hunter2@db/x", colour="red", limits={"depth": 0}
    )
    with pytest.raises(HostError, match="LangBot ended with 1"), host:
        pass
    message = host.log.partition("LangBot was not started: ")[2]
    for part in (
        "state_ext in LangBot's data/config.yaml is not valid:",
        "state_ext.url: unknown scheme mysql: use memory://, sqlite://",
        "state_ext.colour: unknown setting; use enable, url,",
        "state_ext.limits.depth: input should be greater than or equal to 1",
    ):
        assert part in message
    assert "hunter2" not in message
    assert "Traceback" not in host.log


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the project as a user does, into an environment of its own."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    version = f"langbot=={host_version()}"
    subprocess.run(
        [uv, "pip", "install", "-q", "--python", python, f"{ROOT}[host]", version], check=True
    )
    return folder / "venv" / "bin"


def host_version() -> str:
    from importlib.metadata import version

    return version("langbot")


def readme_commands(heading: str) -> list[str]:
    """Return the commands of a README section."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [
        line
        for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
        for line in block.splitlines()
    ]


def run_readme(heading: str, folder: Path, bin_folder: Path) -> str:
    """Run the commands of a README section in LangBot's folder; return what they printed."""
    path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
    printed = ""
    for line in readme_commands(heading):
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        printed += done.stdout
    return printed


def test_coming_and_leaving_as_the_readme_says(tmp_path: Path, installed: Path) -> None:
    host = LangBotHost(tmp_path, command=[str(installed / "langbot")])
    with host:
        bot = install_counting_runner(host)
        assert turns(bot.say("call me Al")) == (1, 1)
        assert turns(bot.say("hello", sender="bob", group="g1")) == (1, 2)
        assert "langbot-state-ext" not in host.log

        host.stop_langbot()
        said = run_readme("Enable", tmp_path, installed)
        assert f"LangBot in {installed.parent} loads the extension, however it is started" in said
        host.start()
        host.wait_for_runner(RUNNER)
        assert "of LangBot's own state" in host.log
        assert "keeps the state of" in host.log
        answer = bot.say("hi again")
        assert "Hello Al" in answer
        assert turns(answer) == (2, 3)
        bot.say("topic: tea", group="g1")

        host.stop_langbot()
        for _ in range(2):
            run_readme("Back up and restore", tmp_path, installed)
        with closing(sqlite3.connect(tmp_path / "data" / "state-backup.db")) as db:
            assert db.execute("SELECT count(*) FROM entries").fetchone()[0] > 3
        said = run_readme("Uninstall", tmp_path, installed)
        assert re.search(r"Exported \d+ entries to LangBot's own table. 0 can't be", said)
        host.start()
        host.wait_for_runner(RUNNER)
        assert "keeps the state of" not in host.log
        answer = bot.say("and now")
        assert "Hello Al" in answer
        assert turns(answer) == (3, 5)
