"""`python -m bench`: the cost of a turn, as ratios within one run."""

from __future__ import annotations

import argparse
import asyncio
import platform
import sqlite3
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from . import growth, networked, peers, turn

SIZES = [1_000, 10_000]
FULL_SIZES = [1_000, 10_000, 100_000, 1_000_000]
OURS = 1
"""The index of this store with `synchronous=normal` in the result of `turn.measure`."""


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="grow to a million scopes, which takes minutes"
    )
    parser.add_argument("--turns", type=int, default=500, help="turns per contender (default: 500)")
    arguments = parser.parse_args()
    console = Console()
    console.print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    progress = Progress(console=console, transient=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, progress:
        contenders = asyncio.run(turn.measure(Path(folder), arguments.turns, peers.peers, progress))
        console.print(_turns(contenders))
        console.print(_summary(contenders))
        console.print(_networked(asyncio.run(networked.measure(arguments.turns))))
        sizes = FULL_SIZES if arguments.full else SIZES
        steps = asyncio.run(growth.measure(Path(folder), sizes, arguments.turns, progress))
        console.print(_growth(steps))


def _turns(contenders: list[turn.Contender]) -> Table:
    title = "A turn: read 4 scopes of 8 keys, write 3 updates (median, ms)"
    table = _table(title, "x ours")
    ours = turn.median_ms(contenders[OURS].turns)
    for contender in contenders:
        table.add_row(*_cells(contender, ours))
    return table


def _table(title: str, *ratios: str) -> Table:
    """Return a table with a row for each contender and its ratios to others."""
    table = Table(title=title)
    for heading in ("store", "snapshot", "update", "turn", "p95", "p99", *ratios):
        table.add_column(heading, justify="left" if heading == "store" else "right")
    return table


def _cells(contender: turn.Contender, *others_ms: float) -> list[str]:
    """Return a row: name, times, and the ratios of the turn to those of others."""
    own = turn.median_ms(contender.turns)
    times = (
        turn.median_ms(contender.snapshots),
        turn.median_ms(contender.updates),
        own,
        turn.percentile_ms(contender.turns, 95),
        turn.percentile_ms(contender.turns, 99),
    )
    return [contender.name, *map("{:.3f}".format, times), *(f"{own / o:.2f}" for o in others_ms)]


def _summary(contenders: list[turn.Contender]) -> str:
    """Compare this store with raw SQLite, with LangBot's own store and with the next fastest."""
    floor, ours, full_floor, full, host, *others = contenders
    turns = {c.name: turn.median_ms(c.turns) for c in contenders}
    following = min(others, key=lambda contender: turns[contender.name])
    faster = [
        turn.median_ms(getattr(host, part)) / turn.median_ms(getattr(ours, part))
        for part in ("snapshots", "updates", "turns")
    ]
    return (
        f"A turn takes {turns[ours.name] / turns[floor.name]:.2f} x as long as with raw sqlite3 "
        f"(normal), {turns[full.name] / turns[full_floor.name]:.2f} x (full). LangBot's own store "
        f"takes {faster[0]:.0f} x as long as this one for a snapshot, {faster[1]:.0f} x for an "
        f"update, {faster[2]:.0f} x for a turn; the next fastest, {following.name}, takes "
        f"{turns[following.name] / turns[ours.name]:.1f} x as long for a turn.\n"
    )


def _networked(groups: list[list[turn.Contender]]) -> Table:
    table = _table("The same turn with a server on loopback (median, ms)", "x trips", "x raw")
    for group in groups:
        trips, raw = (turn.median_ms(contender.turns) for contender in group[:2])
        for contender in group:
            table.add_row(*_cells(contender, trips, raw))
        table.add_section()
    return table


def _growth(steps: list[growth.Size]) -> Table:
    table = Table(title="The same turn in a growing store (median, ms)")
    for heading in ("scopes", "file, MiB", "turn", "p99", "x smallest"):
        table.add_column(heading, justify="right")
    smallest = turn.median_ms(steps[0].turns)
    for step in steps:
        own = turn.median_ms(step.turns)
        table.add_row(
            f"{step.scopes:,}",
            f"{step.file_bytes / 1024 / 1024:.1f}",
            f"{own:.3f}",
            f"{turn.percentile_ms(step.turns, 99):.3f}",
            f"{own / smallest:.2f}",
        )
    return table


if __name__ == "__main__":
    main()
