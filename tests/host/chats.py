"""Chats with the probe runner, which does what a message tells it and answers what it saw."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langbot_state_ext import ScopeFilter, StateStore
from langbot_state_ext.state.codec import decode
from testkit.http_bot import HttpBot
from testkit.langbot_host import LangBotHost

PROBE_FOLDER = Path(__file__).with_name("probe_runner")
PROBE = "plugin:langbot-state-ext/ProbeRunner/default"
numbers = itertools.count(1)


@dataclass
class Chat:
    """A bot that is answered by the probe runner, which does what a message tells it."""

    host: LangBotHost
    bot: HttpBot
    pipeline: str

    def run(self, *steps: dict[str, Any], sender: str = "alice", group: str | None = None) -> Any:
        """Let one run do the steps, and return what it saw."""
        answer = self.bot.say(json.dumps(steps), sender=sender, group=group)
        return json.loads(answer)

    def failing_run(self, *steps: dict[str, Any], sender: str = "alice") -> str:
        """Let one run do the steps and fail, and return what the person reads."""
        return self.bot.say(json.dumps(steps), sender=sender)

    def post(self, *steps: dict[str, Any], **who: Any) -> None:
        """Let one run do the steps, and do not wait for it."""
        self.bot.post(json.dumps(steps), **who)

    def run_beside(self, *steps: dict[str, Any], **who: Any) -> Any:
        """Do as `run` does, in a chat that waits for another answer already."""
        told = self.host.folder / f"told-{next(numbers)}"
        self.post(*steps, {"tell": str(told)}, **who)
        wait_until(told.exists, "the run to see what it sees")
        return json.loads(told.read_text())

    def wait_for(self, scope: str, key: str, **who: Any) -> Any:
        """Wait until runs see a key, and return the scope."""
        for _ in range(30):
            seen = self.state(**who)[scope]
            if key in seen:
                return seen
            time.sleep(0.5)
        raise AssertionError(f"no {key} in {scope}: {seen}")

    def state(self, **who: Any) -> Any:
        """Return the snapshot of the next run."""
        return self.run(**who)["state"]

    @contextmanager
    def under_way(
        self, *steps: dict[str, Any], then: tuple[dict[str, Any], ...] = (), **who: Any
    ) -> Iterator[Future[str]]:
        """Let one run do the steps, and keep it under way until the block ends.

        Args:
            steps: What it does before.
            then: What it does after.
            who: Who says it, and where.

        Yields:
            What the person reads in the end.
        """
        here, go = (self.host.folder / f"{what}-{next(numbers)}" for what in ("here", "go"))
        text = json.dumps([*steps, {"meet": [str(here), str(go)]}, *then])
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(self.bot.say, text, **who)
            try:
                wait_until(lambda: here.exists() or answer.done(), "the run to be under way")
                yield answer
            finally:
                go.touch()

    def stored(self) -> dict[tuple[str, str], Any]:
        """Return the values that the store has for this bot now, by scope and key."""
        return asyncio.run(self._stored())

    async def _stored(self) -> dict[tuple[str, str], Any]:
        which = ScopeFilter(parts={"bot_id": self.bot.uuid})
        async with StateStore.open(f"sqlite:///{self.host.folder}/data/state.db") as store:
            return {
                (scope.key.scope, key): decode(entry.value)
                for scope in (await store.backend.scopes(which, None, 1000)).scopes
                for key, entry in (await store.backend.entries(scope.key)).items()
            }

    def ledger(self, column: str, *, table: str = "agent_run") -> list[Any]:
        """Return a column of what LangBot itself has noted about this bot, the oldest first."""
        with closing(sqlite3.connect(self.host.folder / "data" / "langbot.db")) as db:
            found = db.execute(
                f"SELECT {column} FROM {table} WHERE bot_id = ? ORDER BY id",
                [self.bot.uuid],
            )
            return [value for (value,) in found]

    def wait_for_end(self) -> None:
        """Wait until every run has ended, which it does a little after its answer."""
        wait_until(lambda: "running" not in self.ledger("status"), "the runs to end")


def wait_until(done: Callable[[], Any], what: str, limit_s: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < end, f"waited {limit_s:g} s for {what}"
        time.sleep(0.1)


def new_chat(host: LangBotHost, **pipeline: Any) -> Chat:
    """Make a bot and its pipeline."""
    number = next(numbers)
    uuid = host.create_pipeline(f"pipeline-{number}", PROBE, **pipeline)
    return Chat(host, host.create_bot(f"bot-{number}", uuid), uuid)


def put(scope: str, key: str, value: Any) -> dict[str, Any]:
    """Return the step that updates a key."""
    return {"set": [scope, key, value]}


def install_probe(host: LangBotHost) -> None:
    """Install the probe runner."""
    host.install_plugin(host.build_plugin(PROBE_FOLDER), runner_id=PROBE)
