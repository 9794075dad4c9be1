"""Runners that do as LangBot's official ones: when their conversations go on, and when they end.

The same messages go to a LangBot with the extension and to a plain one, which is never better.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from testkit.fakes import DIFY_KEY, FakeCoze, FakeDify, FakeN8n
from testkit.http_bot import HttpBot
from testkit.langbot_host import WITHOUT_COVERAGE, LangBotHost

pytestmark = pytest.mark.host

FOLDER = Path(__file__).with_name("service_runners")
PLUGIN = "plugin:langbot-state-ext/ServiceRunners"
RUNNERS = ("dify", "n8n", "coze", "history")
EXPIRE_S = 3

OURS: dict[str, list[str]] = {"dify": [], "n8n": [], "coze": ["forgotten"], "history": []}
"""What does not work, by runner. The official Coze runner does not pass on why a run failed."""

PLAIN = {
    "dify": ["reset", "expiry", "forgotten", "forgotten, then reset"],
    "n8n": ["expiry"],
    "coze": [
        "turns",
        "second person",
        "group",
        "restart",
        "reset",
        "expiry",
        "forgotten",
        "forgotten, then reset",
    ],
    "history": ["expiry"],
}
"""What does not work in a LangBot without the extension."""


class Talk:
    """What people say to one runner, and in which conversation it answers.

    Attributes:
        faults: The names of the steps in which that was not the right one.
    """

    numbers = itertools.count(1)

    def __init__(self, host: LangBotHost, runner: str, config: dict[str, str]) -> None:
        self._host = host
        self._bots = {
            expire_s: self._create_bot(runner, config, expire_s) for expire_s in (0, EXPIRE_S)
        }
        self._runner = runner
        self._known: dict[tuple[int, str], str] = {}
        self._seen: set[str] = set()
        self.faults: list[str] = []

    def _create_bot(self, runner: str, config: dict[str, str], expire_s: int) -> HttpBot:
        name = f"{runner}-{expire_s}"
        pipeline = self._host.create_pipeline(
            name, f"{PLUGIN}/{runner}", runner_config=config, expire_time=expire_s
        )
        return self._host.create_bot(name, pipeline)

    def say(self, sender: str, group: str | None = None, *, expire_s: int = 0) -> str | None:
        """Say something; returns the conversation of the answer, None for a run that failed."""
        text = f"{self._runner}-{next(self.numbers)}"
        answer = self._bots[expire_s].say(text, sender=sender, group=group)
        found = re.search(r"(?:conversation|session) [\w-]+", answer)
        return found and found[0]

    def begins(self, step: str, sender: str, group: str | None = None, **how: int) -> None:
        """Expect that a message begins a conversation that nobody has had."""
        answered = self.say(sender, group, **how)
        if answered is None or answered in self._seen:
            self._fault(step)
        self._note(answered, sender, group, **how)

    def goes_on(self, step: str, sender: str, group: str | None = None, **how: int) -> None:
        """Expect that a message goes on in the conversation of its chat."""
        answered = self.say(sender, group, **how)
        if answered is None or answered != self._known.get(_chat(sender, group, **how)):
            self._fault(step)

    def reset(self, sender: str) -> None:
        """Reset a private chat in LangBot's UI."""
        self._host.reset_context(self._bots[0], f"person_{sender}")

    def note(self, sender: str) -> None:
        """Say something, whatever becomes of it."""
        self._note(self.say(sender), sender)

    def _note(
        self, answered: str | None, sender: str, group: str | None = None, **how: int
    ) -> None:
        if answered is not None:
            self._known[_chat(sender, group, **how)] = answered
            self._seen.add(answered)

    def _fault(self, step: str) -> None:
        if step not in self.faults:
            self.faults.append(step)


def _chat(sender: str, group: str | None, *, expire_s: int = 0) -> tuple[int, str]:
    return expire_s, f"group {group}" if group else sender


class Play:
    """Talks with every runner in one LangBot.

    Args:
        host: The LangBot, which gets the plugin.
        stack: Stops the services.
    """

    def __init__(self, host: LangBotHost, stack: ExitStack) -> None:
        self._host = host
        dify, coze = stack.enter_context(FakeDify()), stack.enter_context(FakeCoze())
        n8n = stack.enter_context(FakeN8n("conversation_id"))
        self._services: dict[str, FakeDify | FakeN8n | FakeCoze] = {
            "dify": dify,
            "n8n": n8n,
            "coze": coze,
        }
        config = {
            "dify": {
                "base-url": dify.url,
                "api-key": DIFY_KEY,
                "user-id-source": "legacy-session",
            },
            "n8n": {"webhook-url": n8n.url},
            "coze": {"api-base": coze.url},
            "history": {},
        }
        host.install_plugin(host.build_plugin(FOLDER), runner_id=f"{PLUGIN}/{RUNNERS[0]}")
        self.talks = {runner: Talk(host, runner, config[runner]) for runner in RUNNERS}

    def run(self) -> dict[str, list[str]]:
        """Play every step; returns those that did not work, by runner."""
        for talk in self.talks.values():
            self._begin(talk)
        self._host.restart(runner_ids=[f"{PLUGIN}/{runner}" for runner in RUNNERS])
        for talk in self.talks.values():
            self._go_on_and_reset(talk)
        self._expire()
        for runner, service in self._services.items():
            service.forget()
            self._lose(self.talks[runner])
        return {runner: talk.faults for runner, talk in self.talks.items()}

    @staticmethod
    def _begin(talk: Talk) -> None:
        talk.begins("turns", "alice")
        talk.goes_on("turns", "alice")
        talk.begins("second person", "bob")
        talk.goes_on("turns", "alice")
        talk.begins("group", "alice", "g1")
        talk.goes_on("group", "bob", "g1")
        talk.goes_on("group", "alice", "g1")

    @staticmethod
    def _go_on_and_reset(talk: Talk) -> None:
        talk.goes_on("restart", "alice")
        talk.goes_on("restart", "bob")
        talk.goes_on("restart", "bob", "g1")
        talk.reset("alice")
        talk.begins("reset", "alice")
        talk.goes_on("reset", "alice")
        talk.goes_on("second person", "bob")

    def _expire(self) -> None:
        for talk in self.talks.values():
            talk.begins("expiry", "carol", expire_s=EXPIRE_S)
            talk.goes_on("expiry", "carol", expire_s=EXPIRE_S)
        time.sleep(EXPIRE_S + 0.5)
        for talk in self.talks.values():
            talk.begins("expiry", "carol", expire_s=EXPIRE_S)
            talk.goes_on("expiry", "carol", expire_s=EXPIRE_S)

    @staticmethod
    def _lose(talk: Talk) -> None:
        talk.note("alice")
        talk.note("alice")
        talk.goes_on("forgotten", "alice")
        talk.reset("alice")
        talk.begins("forgotten, then reset", "alice")
        talk.goes_on("forgotten, then reset", "alice")


@pytest.fixture(scope="module")
def ours(host: LangBotHost) -> dict[str, list[str]]:
    with ExitStack() as stack:
        return Play(host, stack).run()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    folder = tmp_path_factory.mktemp("plain-langbot")
    with ExitStack() as stack, LangBotHost(folder, env=WITHOUT_COVERAGE) as host:
        yield Play(host, stack).run()


@pytest.mark.parametrize("runner", RUNNERS)
def test_conversations_go_on_and_end_as_they_should(
    ours: dict[str, list[str]], runner: str
) -> None:
    assert ours[runner] == OURS[runner]


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_plain_langbot_is_never_better(plain: dict[str, list[str]], runner: str) -> None:
    assert plain[runner] == PLAIN[runner]
    assert set(OURS[runner]) < set(PLAIN[runner])
