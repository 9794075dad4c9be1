"""The same talk with a runner in two worlds: the harness, and a real LangBot."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

from examples.http_bot import HttpBot
from examples.langbot_host import LangBotHost
from langbot_state_ext.testing import RunnerHarness
from langbot_state_ext.testing.component import component_of

PROBE = Path(__file__).with_name("probe_runner")

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


class HarnessWorld:
    """The harness."""

    def __init__(self, harness: RunnerHarness) -> None:
        self._harness = harness

    def say(self, text: str, *, sender: str = "alice", group: str | None = None) -> str:
        reply = self._harness.say(text, sender=sender, group=group)
        return reply if reply.status == "completed" else FAILED

    def restart(self) -> None:
        self._harness.restart()

    def new_conversation(self, *, sender: str = "alice", group: str | None = None) -> None:
        self._harness.new_conversation(sender=sender, group=group)


class LangBotWorld:
    """A real LangBot."""

    def __init__(self, host: LangBotHost, bot: HttpBot, runner_ids: Collection[str]) -> None:
        self._host = host
        self._bot = bot
        self._runner_ids = runner_ids

    def say(self, text: str, *, sender: str = "alice", group: str | None = None) -> str:
        answer = self._bot.say(text, sender=sender, group=group).rpartition("\n")[2]
        return FAILED if answer.startswith(FAILED) else answer

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
        self._installed = {component_of(PROBE).id}
        self._opened = 0

    def open(self, plugin: Path, config: Mapping[str, Any]) -> LangBotWorld:
        """Install a plugin, and have a new bot answer with it."""
        runner_id = component_of(plugin).id
        if runner_id not in self._installed:
            package = self._host.build_plugin(self._stage(plugin))
            self._host.install_plugin(package, runner_id=runner_id)
        self._installed.add(runner_id)
        self._opened += 1
        name = f"world-{self._opened}"
        pipeline = self._host.create_pipeline(name, runner_id, runner_config=config)
        return LangBotWorld(self._host, self._host.create_bot(name, pipeline), self._installed)

    def _stage(self, plugin: Path) -> Path:
        """Copy a plugin, asking for nothing that LangBot's own environment has here."""
        staged = self._folder / plugin.name
        shutil.copytree(plugin, staged, ignore=shutil.ignore_patterns("__pycache__", "tests"))
        (staged / "requirements.txt").write_text("langbot-plugin\n")
        return staged
