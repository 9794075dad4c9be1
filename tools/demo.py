"""`python -m tools.demo`: chats with a real LangBot that has the extension, and restarts it.

The exit status is 0 only if every answer and the stored state are as expected.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from langbot_state_ext import ScopeFilter, StateStore
from langbot_state_ext.state.codec import decode
from testkit.fakes import DIFY_KEY, FakeDify
from testkit.http_bot import HttpBot
from testkit.langbot_api import USER, HostError
from testkit.langbot_host import LangBotHost, with_extension

from .official import RUNNERS, OfficialRunners

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".demo"
STAY_FOLDER = ROOT / ".run"
COUNTING = "plugin:langbot-state-ext/CountingRunner/default"
DIFY = "plugin:langbot-state-ext/DifyRunner/default"
EXPIRE_S = 4
EXTERNAL = "external.conversation_id"
PAGE = "/home/plugin-pages?id=langbot-state-ext%2FRunnerState%2Finspector"

State = dict[tuple[str, str], object]
"""Values by scope (with the id of its owner) and key."""


class Demo:
    """Chats with the bots, prints the chats, and checks every answer.

    Args:
        console: The output.
        host: A running LangBot.
        dify: The external agent.

    Attributes:
        faults: A line for each answer or value that was not as expected.
    """

    def __init__(self, console: Console, host: LangBotHost, dify: FakeDify) -> None:
        self.console = console
        self.host = host
        self.dify = dify
        self.official = OfficialRunners(self)
        self.faults: list[str] = []
        self._table = Table()
        self._state: State = {}

    def set_up(self) -> None:
        """Install the runners and create the bots."""
        for name, runner in (("counting_runner", COUNTING), ("dify_runner", DIFY)):
            self.host.install_plugin(self.host.build_plugin(ROOT / "examples" / name),
                                     runner_id=runner)  # fmt: skip
        access = {"base-url": self.dify.url, "api-key": DIFY_KEY}
        self.counting = self.host.create_bot("demo", self.host.create_pipeline("demo", COUNTING))
        pipeline = self.host.create_pipeline("dify", DIFY, runner_config=access)
        self.outside = self.host.create_bot("dify", pipeline)
        pipeline = self.host.create_pipeline(
            "forgetful", DIFY, runner_config=access, expire_time=EXPIRE_S
        )
        self.forgetful = self.host.create_bot("forgetful", pipeline)
        self.official.set_up()

    def act(self, title: str, play: Callable[[], None]) -> None:
        """Play a scene, then print its messages next to the state changes."""
        self._table = Table(title=title, title_justify="left", show_lines=True, expand=True)
        self._table.add_column("conversation", ratio=3, overflow="fold")
        self._table.add_column("changes of the state", ratio=4, overflow="fold")
        play()
        self.console.print(self._table)

    def note(self, text: str) -> None:
        """Print what happens between two messages."""
        self._table.add_row(f"[yellow]{escape(text)}[/yellow]", "")

    def say(
        self, bot: HttpBot, text: str, *expected: str, sender: str = "alice",
        group: str | None = None, left: State | None = None,
    ) -> str:  # fmt: skip
        """Send a message, and check the answer and the state.

        Args:
            bot: The bot.
            text: The message.
            expected: Texts that the answer must contain.
            sender: The person who sends it.
            group: The group; None for a private chat.
            left: Values that the state must have afterwards; None for a deleted one.

        Returns:
            The answer.
        """
        answer = bot.say(text, sender=sender, group=group)
        state = asyncio.run(read_state())
        who = f"{sender} in {group}" if group else sender
        said = f"[bold]{who}:[/bold] {escape(text)}\n[bold]bot:[/bold] {escape(answer)}"
        self._table.add_row(said, escape(changes(self._state, state)))
        self.faults += [f"{text!r}: no {part!r} in {answer!r}" for part in expected
                        if part not in answer]  # fmt: skip
        self.faults += [
            f"{text!r} left {state.get(place)!r} in {place}, not {value!r}"
            for place, value in (left or {}).items()
            if state.get(place) != value
        ]
        self._state = state
        return answer

    def people(self) -> None:
        """Two people and a group talk to the counting runner."""
        bot = self.counting
        self.say(bot, "hello", "Hello stranger", "turn 1 here", left={("runner", "stats.turns"): 1})
        self.say(bot, "call me Al", "Hello Al", "turn 2 here",
                 left={("actor alice", "prefs.name"): "Al"})  # fmt: skip
        topic: State = {("subject tea-club", "group.topic"): "oolong"}
        self.say(bot, "topic: oolong", "turn 1 here", sender="bob", group="tea-club", left=topic)
        self.say(bot, "what is it about?", "Hello Al", "Our topic is oolong", group="tea-club")

    def restart(self) -> None:
        """Restart LangBot and continue every conversation."""
        id_before = self.conversation
        self.console.print("[dim]restarting LangBot ...[/dim]")
        self.host.restart(runner_ids=[COUNTING, DIFY, *RUNNERS.values()])
        self.note("LangBot was restarted")
        self.official.go_on()
        self.say(self.counting, "still there?", "Hello Al", "turn 3 here, and 5 in all")
        self.say(self.counting, "and the topic?", "turn 3 here", "oolong", sender="bob",
                 group="tea-club", left={("runner", "stats.turns"): 6})  # fmt: skip
        self.say(self.outside, "do you still know me?", "message 3 of", id_before[:8])

    def outside_agent(self) -> None:
        """An external agent answers, which has its own ids for conversations."""
        self.say(self.outside, "hello, Dify", "message 1 of")
        self.conversation = next(iter(self.dify.conversations))
        self.say(self.outside, "and again", "message 2 of",
                 left={("conversation person_alice", EXTERNAL): self.conversation})  # fmt: skip
        self.say(self.outside, "we are two", "message 1 of", group="tea-club")
        self.say(
            self.outside, "one conversation, I hope", "message 2 of", sender="bob", group="tea-club"
        )

    def heal(self) -> None:
        """The agent forgets its conversations: one answer fails, the next starts a new one."""
        self.dify.forget()
        self.note("Dify has forgotten its conversations")
        self.say(
            self.outside, "are you there?", left={("conversation person_alice", EXTERNAL): None}
        )
        self.say(self.outside, "and now?", "message 1 of")
        self.say(self.outside, "good", "message 2 of")

    def expire(self) -> None:
        """The pipeline's expire-time passes."""
        bot = self.forgetful
        self.say(bot, "hello", "message 1 of", sender="carol")
        self.say(bot, "at once", "message 2 of", sender="carol")
        time.sleep(EXPIRE_S + 1)
        self.note(f"{EXPIRE_S + 1} seconds pass; the expire-time is {EXPIRE_S}")
        self.say(bot, "later", "message 1 of", sender="carol")


def main() -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    parser.add_argument("--stay", action="store_true", help="leave LangBot running for you to try")
    arguments = parser.parse_args()
    end_on_signals()
    console = Console(width=None if sys.stdout.isatty() else 110)
    folder = STAY_FOLDER if arguments.stay else FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    host = with_extension(folder, progress=lambda text: console.print(f"[dim]{text} ...[/dim]"))
    try:
        with ExitStack() as stack:
            demo = Demo(console, stack.enter_context(host), stack.enter_context(FakeDify()))
            stack.enter_context(demo.official)
            demo.set_up()
            return stay(demo) if arguments.stay else show(demo)
    except (HostError, httpx.HTTPError) as error:
        console.print(f"[red]{escape(str(error))}[/red]")
        return 1
    except KeyboardInterrupt:
        return 0


def end_on_signals() -> None:
    """Exit cleanly on SIGHUP and SIGTERM, since LangBot would keep running otherwise."""
    ends = (signal.SIGHUP, signal.SIGTERM)

    def end(number: int, _frame: object) -> None:
        for each in ends:
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for each in ends:
        signal.signal(each, end)


def show(demo: Demo) -> int:
    """Play every scene; return the exit status."""
    demo.act("Two people and a group", demo.people)
    demo.act("An external agent", demo.outside_agent)
    demo.act("Runners that do as LangBot's official ones", demo.official.begin)
    demo.act("After a restart every conversation continues", demo.restart)
    demo.act("The agent forgets its conversations, a new one begins", demo.heal)
    demo.act("An idle conversation expires", demo.expire)
    demo.act("The official-like runners' conversations end, too", demo.official.end)
    for fault in demo.faults:
        demo.console.print(f"[red]{escape(fault)}[/red]")
    if not demo.faults:
        demo.console.print(
            f"[green]All as expected.[/green] The state is in {FOLDER}/data/state.db"
        )
    return 1 if demo.faults else 0


def stay(demo: Demo) -> int:
    """Print how to try it, and wait until LangBot exits."""
    demo.host.api("POST", "/api/v1/system/wizard/completed", json={"status": "skipped"})
    demo.host.wait_for_plugin("langbot-state-ext/RunnerState")
    demo.counting.say("hello")
    demo.console.print(
        f"LangBot answers at [bold]{demo.host.url}[/bold]; log in as {USER['user']} with the "
        f"password {USER['password']}.\n"
        f"The page Runner state: [bold]{demo.host.url}{PAGE}[/bold]\n"
        "Open the bot 'demo' and send it 'call me Al', or 'topic: tea' in a group.\n"
        f"The state is in {demo.host.folder}/data/state.db. Stop with Ctrl-C.",
        soft_wrap=True,
    )
    return demo.host.wait()


def changes(before: State, after: State) -> str:
    """Return a line for each value that was set or deleted."""
    return "\n".join(
        f"{whose}: {key} = {json.dumps(after[whose, key], ensure_ascii=False)}"
        if (whose, key) in after
        else f"{whose}: {key} deleted"
        for whose, key in {**before, **after}
        if not key.startswith("host.") and before.get((whose, key)) != after.get((whose, key))
    )


async def read_state() -> State:
    """Read the state of the runners from the file while LangBot uses it."""
    state: State = {}
    async with StateStore.open(f"sqlite:///{FOLDER}/data/state.db") as store:
        for scope in (await store.backend.scopes(ScopeFilter(), None, 1000)).scopes:
            parts = dict(scope.key.parts)
            names = ("conversation_id", "actor_id", "subject_id")
            own = [parts[name] or "" for name in names if name in parts]
            if parts["runner_id"] in {COUNTING, DIFY, *RUNNERS.values()}:
                for key, entry in (await store.backend.entries(scope.key)).items():
                    state[" ".join([scope.key.scope, *own]), key] = decode(entry.value)
    return state


if __name__ == "__main__":
    sys.exit(main())
