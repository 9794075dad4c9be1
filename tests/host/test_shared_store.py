"""Two real LangBots share one PostgreSQL, then one Redis, and live through its absence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from testkit.http_bot import HttpBot
from testkit.langbot_host import WITHOUT_COVERAGE, LangBotHost, with_extension
from testkit.servers import PASSWORD, PostgresServer, RedisServer

from .chats import PROBE, install_probe, put


def say(bot: HttpBot, *steps: dict[str, Any]) -> dict[str, Any]:
    """Let a run do these steps, and return what it saw at its beginning."""
    answer = bot.say(json.dumps(steps))
    seen: dict[str, Any] = json.loads(answer)
    return seen


def kept(bot: HttpBot) -> Any:
    """Return what a run sees of its actor's state."""
    return say(bot)["state"]["actor"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, HttpBot]:
    """A LangBot's folder, set up without the extension, that has some state of its own."""
    folder = tmp_path_factory.mktemp("langbot")
    with LangBotHost(folder, env=WITHOUT_COVERAGE) as host:
        install_probe(host)
        bot = host.create_bot("probe", host.create_pipeline("probe", PROBE))
        say(bot, put("actor", "before", "kept by LangBot alone"))
    return folder, bot


@contextmanager
def pair(folder: Path, bot: HttpBot, place: Path, url: str) -> Iterator[list[tuple[Any, HttpBot]]]:
    """Start two LangBots at the same moment, each with a copy of the folder, over one store."""
    hosts = []
    for name, policy in (("one", "fail"), ("other", "continue")):
        shutil.copytree(folder / "data", place / name / "data", symlinks=True)
        env = {**WITHOUT_COVERAGE, "STATE_PASSWORD": "p%40ss%2Fw%3Ard%231%3F"}
        hosts.append(with_extension(place / name, env=env, url=url, on_unavailable=policy))
    with ExitStack() as stack:
        for host in hosts:
            stack.push(host)
        with ThreadPoolExecutor(len(hosts)) as pool:
            list(pool.map(LangBotHost.start, hosts))
        for host in hosts:
            host.wait_for_runner(PROBE)
        yield [(host, replace(bot, url=host.url)) for host in hosts]


def server_url(server: PostgresServer | RedisServer) -> str:
    """Return a url without the password; a server that is stopped refuses, and nothing waits."""
    return f"{server.url(password='${STATE_PASSWORD}')}?wait_s=60"


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_two_langbots_share_a_store_and_outlive_its_absence(
    kind: str, folder: tuple[Path, HttpBot], tmp_path: Path
) -> None:
    server: PostgresServer | RedisServer = (
        PostgresServer() if kind == "postgres" else RedisServer("--appendonly", "yes")
    )
    with server, pair(*folder, tmp_path, server_url(server)) as both:
        (one, bot), (other, there) = both
        took = [host.log.count("Adopted 1 of 1 entries") for host in (one, other)]
        assert sorted(took) == [0, 1]
        for host in (one, other):
            assert PASSWORD not in host.log
            assert "p%40ss" not in host.log + host.config_file.read_text()

        assert kept(bot) == kept(there) == {"before": "kept by LangBot alone"}
        say(bot, put("actor", "mood", "good"))
        assert kept(there)["mood"] == "good"
        say(there, put("actor", "mood", "better"))
        assert kept(bot)["mood"] == "better"

        server.stop()
        assert f"127.0.0.1:{server.port}/" in bot.say("[]")
        assert "can't be reached" in bot.say("[]")
        assert say(there, put("actor", "mood", "lost"))["state"]["actor"] == {}
        assert "runs without state" in other.log
        assert "actor key 'mood'" in other.log

        server.start()
        for each in (bot, there):
            assert kept(each) == {"before": "kept by LangBot alone", "mood": "better"}
        say(bot, put("actor", "mood", "best"))
        assert kept(there)["mood"] == "best"
