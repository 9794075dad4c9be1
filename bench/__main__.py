"""`python -m bench`: what a turn costs, as ratios in one run on one machine."""

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

from . import growth, networked, turn

SIZES = [1_000, 10_000]
FULL_SIZES = [1_000, 10_000, 100_000, 1_000_000]


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="grow to a million scopes; minutes")
    parser.add_argument("--turns", type=int, default=500, help="turns of each contender")
    arguments = parser.parse_args()
    console = Console()
    console.print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        contenders = asyncio.run(turn.measure(Path(folder), arguments.turns))
        console.print(_turns(contenders))
        console.print(_networked(asyncio.run(networked.measure(arguments.turns))))
        sizes = FULL_SIZES if arguments.full else SIZES
        with Progress(console=console, transient=True) as progress:
            steps = asyncio.run(growth.measure(Path(folder), sizes, arguments.turns, progress))
        console.print(_growth(steps))


def _turns(contenders: list[turn.Contender]) -> Table:
    table = Table(title="A turn: 4 scopes of 8 keys read, 3 updates written (median, ms)")
    for heading in ("store", "snapshot", "update", "turn", "p95", "p99", "x floor", "x LangBot"):
        table.add_column(heading, justify="left" if heading == "store" else "right")
    host = turn.median_ms(contenders[-1].turns)
    for contender in contenders:
        own = turn.median_ms(contender.turns)
        base = turn.median_ms(contenders[2 if "full" in contender.name else 0].turns)
        table.add_row(
            contender.name,
            f"{turn.median_ms(contender.snapshots):.3f}",
            f"{turn.median_ms(contender.updates):.3f}",
            f"{own:.3f}",
            f"{turn.percentile_ms(contender.turns, 95):.3f}",
            f"{turn.percentile_ms(contender.turns, 99):.3f}",
            f"{own / base:.2f}",
            f"1/{host / own:.0f}",
        )
    return table


def _networked(groups: list[list[turn.Contender]]) -> Table:
    table = Table(title="The same turn over a server on loopback (median, ms)")
    for heading in ("store", "snapshot", "update", "turn", "p95", "p99", "x trips", "x raw"):
        table.add_column(heading, justify="left" if heading == "store" else "right")
    for group in groups:
        trips, raw = (turn.median_ms(contender.turns) for contender in group[:2])
        for contender in group:
            own = turn.median_ms(contender.turns)
            table.add_row(
                contender.name,
                f"{turn.median_ms(contender.snapshots):.3f}",
                f"{turn.median_ms(contender.updates):.3f}",
                f"{own:.3f}",
                f"{turn.percentile_ms(contender.turns, 95):.3f}",
                f"{turn.percentile_ms(contender.turns, 99):.3f}",
                f"{own / trips:.2f}",
                f"{own / raw:.2f}",
            )
        table.add_section()
    return table


def _growth(steps: list[growth.Size]) -> Table:
    table = Table(title="The same turn in a store that grows (median, ms)")
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
