"""The demo's scenes with runners that do as LangBot's official ones do."""

from __future__ import annotations

import re
import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from testkit.fakes import FakeCoze, FakeN8n
from testkit.http_bot import HttpBot

if TYPE_CHECKING:
    from .demo import Demo

PLUGIN = Path(__file__).parent.parent / "tests" / "host" / "service_runners"
RUNNERS = {
    name: f"plugin:langbot-state-ext/ServiceRunners/{name}" for name in ("n8n", "coze", "history")
}
"""With an n8n workflow, with Coze, and on LangBot's history alone."""

EXPIRE_S = 4


class OfficialRunners(AbstractContextManager["OfficialRunners"]):
    """Talks to the runners; the services answer within the `with` block.

    Args:
        demo: Where it is shown.
    """

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._n8n, self._coze = FakeN8n("conversation_id"), FakeCoze()
        self._services = ExitStack()
        self._known: dict[HttpBot, str] = {}

    def __enter__(self) -> Self:
        self._services.enter_context(self._n8n)
        self._services.enter_context(self._coze)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._services.close()

    def set_up(self) -> None:
        """Install the runners and create a bot for each, and one that forgets soon."""
        host = self._demo.host
        host.install_plugin(host.build_plugin(PLUGIN), runner_id=RUNNERS["n8n"])
        self._bots = {name: self._create_bot(name, name, 0) for name in RUNNERS}
        self._forgetful = {
            name: self._create_bot(name, f"{name}, forgetful", EXPIRE_S) for name in RUNNERS
        }

    def _create_bot(self, runner: str, name: str, expire_s: int) -> HttpBot:
        urls = {"n8n": {"webhook-url": self._n8n.url}, "coze": {"api-base": self._coze.url}}
        pipeline = self._demo.host.create_pipeline(
            name, RUNNERS[runner], runner_config=urls.get(runner), expire_time=expire_s
        )
        return self._demo.host.create_bot(name, pipeline)

    def begin(self) -> None:
        """Each begins a conversation and goes on with it."""
        for name, bot in self._bots.items():
            self._begins(bot, f"hello, {name}", name)
            self._goes_on(bot, "and again", name)

    def go_on(self) -> None:
        """Each conversation goes on."""
        for name, bot in self._bots.items():
            self._goes_on(bot, "still there?", name)

    def end(self) -> None:
        """The conversations end: by a reset, and by the pipeline's expire-time."""
        self._demo.note("the conversations are reset in LangBot's UI")
        for name, bot in self._bots.items():
            self._demo.host.reset_context(bot, f"person_{name}")
            self._begins(bot, f"{name}, after the reset", name)
        for name, bot in self._forgetful.items():
            self._begins(bot, f"hello, forgetful {name}", name)
        time.sleep(EXPIRE_S + 1)
        self._demo.note(f"{EXPIRE_S + 1} seconds pass; the expire-time is {EXPIRE_S}")
        for name, bot in self._forgetful.items():
            self._begins(bot, f"{name}, later", name)
            self._goes_on(bot, "and again", name)

    def _begins(self, bot: HttpBot, text: str, sender: str) -> None:
        answer = self._demo.say(bot, text, sender=sender)
        found = re.search(r"(conversation|session) [\w-]+", answer)
        if found is None or found[0] == self._known.get(bot):
            self._demo.faults.append(f"{text!r}: no new conversation in {answer!r}")
        self._known[bot] = found[0] if found else "no conversation"

    def _goes_on(self, bot: HttpBot, text: str, sender: str) -> None:
        self._demo.say(bot, text, self._known[bot], sender=sender)
