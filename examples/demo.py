"""`python -m examples.demo`: a real LangBot with the extension, talked to, restarted, looked at.

It ends with exit status 0 only when every answer, and all state in the store, is what it shows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from langbot_state_ext import ScopeFilter, StateStore
from langbot_state_ext.codec import decode

from .http_bot import HttpBot
from .langbot_host import USER, HostError, LangBotHost, bin_folder

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".demo"
RUNNER = "plugin:langbot-state-ext/CountingRunner/default"
URL = "sqlite:///data/state.db"

State = dict[tuple[str, str], object]
"""Values by whose state it is and key, both as a person reads them."""


@dataclass(frozen=True)
class Turn:
    """One message, and what its answer must have in it.

    Attributes:
        sender: Who says it.
        group: In which group; None for a private chat.
        text: What is said.
        expected: Parts of the answer.
        left: State that it leaves, of what it writes.
    """

    sender: str
    group: str | None
    text: str
    expected: tuple[str, ...]
    left: State = field(default_factory=dict)


BEFORE = (
    Turn("alice", None, "hello", ("Hello stranger", "turn 1 here"), {("runner", "stats.turns"): 1}),
    Turn("alice", None, "call me Al", ("Hello Al", "turn 2 here"),
         {("actor alice", "prefs.name"): "Al"}),
    Turn("bob", "tea-club", "topic: oolong", ("Hello stranger", "Our topic is oolong"),
         {("subject tea-club", "group.topic"): "oolong"}),
    Turn("alice", "tea-club", "what is it about?", ("Hello Al", "Our topic is oolong")),
    Turn("alice", None, "session: far-side-7", ("turn 3 here",),
         {("conversation person_alice", "external.conversation_id"): "far-side-7"}),
)  # fmt: skip

AFTER = (
    Turn("alice", None, "still there?", ("Hello Al", "turn 4 here, and 6 in all"),
         {("conversation person_alice", "memory.turns"): 4}),
    Turn("bob", "tea-club", "and the topic?", ("Hello stranger", "turn 3 here", "oolong"),
         {("conversation group_tea-club", "memory.turns"): 3, ("runner", "stats.turns"): 7}),
)  # fmt: skip


def main() -> int:
    """Show it; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--stay", action="store_true", help="leave it running, to be tried")
    arguments = parser.parse_args()
    console = Console()
    shutil.rmtree(FOLDER, ignore_errors=True)
    host = LangBotHost(
        FOLDER,
        command=[str(bin_folder() / "langbot-state"), "run"],
        config={"state_ext": {"enable": True, "url": URL}},
        progress=lambda text: console.print(f"[dim]{text} ...[/dim]"),
    )
    try:
        with host:
            return _stay(console, host) if arguments.stay else _show(console, host)
    except (HostError, httpx.HTTPError) as error:
        console.print(f"[red]{escape(str(error))}[/red]")
        return 1
    except KeyboardInterrupt:
        return 0


def _show(console: Console, host: LangBotHost) -> int:
    bot = _set_up(host)
    faults = _talk(console, "Two people and a group", bot, BEFORE)
    console.print("[dim]restarting LangBot ...[/dim]")
    host.restart(runner_ids=[RUNNER])
    faults += _talk(console, "After the restart", bot, AFTER)
    for fault in faults:
        console.print(f"[red]{escape(fault)}[/red]")
    if not faults:
        console.print(
            f"[green]All as expected.[/green] The state is in {host.folder}/data/state.db"
        )
    return 1 if faults else 0


def _stay(console: Console, host: LangBotHost) -> int:
    bot = _set_up(host)
    bot.say("hello")
    console.print(
        f"LangBot answers at [bold]{host.url}[/bold]; log in as {USER['user']} with the password "
        f"{USER['password']}.\nOpen the bot 'demo' and send it 'call me Al', or 'topic: tea' in a "
        f"group; restart as you like.\nThe state is in {host.folder}/data/state.db. "
        "End it with Ctrl-C."
    )
    return host.wait()


def _set_up(host: LangBotHost) -> HttpBot:
    package = host.build_plugin(ROOT / "examples" / "counting_runner")
    host.install_plugin(package, runner_id=RUNNER)
    return host.create_bot("demo", host.create_pipeline("demo", RUNNER))


def _talk(console: Console, title: str, bot: HttpBot, turns: Iterable[Turn]) -> list[str]:
    """Talk, print what was said beside the state that it left, and return what is wrong."""
    table = Table(title=title, show_lines=True, title_justify="left")
    for heading in ("who", "says", "and is answered", "what that left in the state"):
        table.add_column(heading, overflow="fold")
    faults = []
    before = asyncio.run(read_state())
    for turn in turns:
        answer = bot.say(turn.text, sender=turn.sender, group=turn.group)
        state = asyncio.run(read_state())
        who = f"{turn.sender} in {turn.group}" if turn.group else turn.sender
        table.add_row(who, escape(turn.text), escape(answer), escape(_news(before, state)))
        faults += [f"{turn.text!r}: no {part!r} in {answer!r}" for part in turn.expected
                   if part not in answer]  # fmt: skip
        faults += [f"{turn.text!r} left {state.get(place)!r} in {place}, not {value!r}"
                   for place, value in turn.left.items() if state.get(place) != value]  # fmt: skip
        before = state
    console.print(table)
    return faults


def _news(before: State, after: State) -> str:
    return "\n".join(
        f"{whose}: {key} = {json.dumps(value, ensure_ascii=False)}"
        for (whose, key), value in after.items()
        if before.get((whose, key)) != value
    )


async def read_state() -> State:
    """Read all that the store keeps, while LangBot writes to it."""
    state: State = {}
    async with StateStore.open(f"sqlite:///{FOLDER}/data/state.db") as store:
        for scope in (await store.backend.scopes(ScopeFilter(), None, 1000)).scopes:
            parts = dict(scope.key.parts)
            names = ("conversation_id", "actor_id", "subject_id")
            whose = " ".join(
                [scope.key.scope, *(parts[name] or "" for name in names if name in parts)]
            )
            for key, entry in (await store.backend.entries(scope.key)).items():
                if parts["runner_id"] == RUNNER:
                    state[whose, key] = decode(entry.value)
    return state


if __name__ == "__main__":
    sys.exit(main())
