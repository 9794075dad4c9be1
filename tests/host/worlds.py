"""The same talk with a runner in two worlds: the harness, and a real LangBot."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

from langbot_state_ext.testing import RunnerHarness
from langbot_state_ext.testing.harness.chat import Processor
from langbot_state_ext.testing.harness.component import component_of
from testkit.http_bot import HttpBot
from testkit.langbot_host import LangBotHost

from .chats import PROBE_FOLDER

FAILED = "Agent runner"
"""How LangBot begins what it tells somebody whose run has failed."""


class World(Protocol):
    """Somewhere that a runner answers."""

    def say(self, text: str, *, sender: str = "alice", group: str | None = None) -> str:
        """Say something, and return what the chat is told; `FAILED` for a run that failed."""

    def restart(self) -> None:
        """Restart LangBot."""

    def new_conversation(self, *, sender: str = "alice", group: str | None = None) -> None:
        """Reset a conversation."""

    def start(self, text: str, *, sender: str, until: str) -> Callable[[], None]:
        """Say something whose run writes and then waits.

        Args:
            text: What is said.
            sender: Who says it.
            until: The key of the scope runner that the run has written when this returns.

        Returns:
            Waits for the end of the run, which somebody must have made possible.
        """


class HarnessWorld:
    """The harness."""

    def __init__(self, harness: RunnerHarness) -> None:
        self._harness = harness

    def say(self, text: str, *, sender: str = "alice", group: str | None = None) -> str:
        reply = self._harness.say(text, sender=sender, group=group)
        return reply if reply or reply.status == "completed" else FAILED

    def restart(self) -> None:
        self._harness.restart()

    def new_conversation(self, *, sender: str = "alice", group: str | None = None) -> None:
        self._harness.new_conversation(sender=sender, group=group)

    def start(self, text: str, *, sender: str, until: str) -> Callable[[], None]:
        run = self._harness.begin(text, sender=sender)
        while until not in self._harness.state("runner"):
            run.step()

        def finish() -> None:
            assert run.finish().status == "completed"

        return finish


class LangBotWorld:
    """A real LangBot."""

    def __init__(self, host: LangBotHost, bot: HttpBot, runner_ids: Collection[str]) -> None:
        self._host = host
        self._bot = bot
        self._runner_ids = runner_ids

    def say(self, text: str, *, sender: str = "alice", group: str | None = None) -> str:
        answer = self._bot.say(text, sender=sender, group=group)
        return FAILED if answer.startswith(FAILED) else answer

    def start(self, text: str, *, sender: str, until: str) -> Callable[[], None]:
        self._bot.post(text, sender=sender)
        self._wait_for(until)
        return lambda: self._wait_for("end")

    def _wait_for(self, key: str) -> None:
        """Wait, as somebody else, until runs see a key of the scope runner."""
        for _ in range(100):
            if key in json.loads(self.say("[]", sender="watcher"))["state"]["runner"]:
                return
            time.sleep(0.1)
        raise AssertionError(f"no run has written {key}")

    def restart(self) -> None:
        self._host.restart(runner_ids=sorted(self._runner_ids))

    def new_conversation(self, *, sender: str = "alice", group: str | None = None) -> None:
        session = f"group_{group}" if group else f"person_{sender}"
        self._host.reset_context(self._bot, session)


class Worlds:
    """Opens worlds in one LangBot; each plugin is installed once.

    Args:
        host: The LangBot, which has the probe runner.
        folder: Where plugins are staged.
    """

    def __init__(self, host: LangBotHost, folder: Path) -> None:
        self._host = host
        self._folder = folder
        self._installed = {component_of(PROBE_FOLDER).id}
        self._opened = 0

    def open(
        self, plugin: Path, config: Mapping[str, Any], processor: Processor = "pipeline"
    ) -> LangBotWorld:
        """Install a plugin, and have a new bot answer with it."""
        runner_id = component_of(plugin).id
        if runner_id not in self._installed:
            package = self._host.build_plugin(self._stage(plugin))
            self._host.install_plugin(package, runner_id=runner_id)
        self._installed.add(runner_id)
        self._opened += 1
        name = f"world-{self._opened}"
        create = self._host.create_agent if processor == "agent" else self._host.create_pipeline
        uuid = create(name, runner_id, runner_config=config)
        bot = self._host.create_bot(name, uuid, target_type=processor)
        return LangBotWorld(self._host, bot, self._installed)

    def _stage(self, plugin: Path) -> Path:
        """Copy a plugin, asking for nothing that LangBot's own environment has here."""
        staged = self._folder / plugin.name
        shutil.copytree(plugin, staged, ignore=shutil.ignore_patterns("__pycache__", "tests"))
        (staged / "requirements.txt").write_text("langbot-plugin\n")
        return staged
