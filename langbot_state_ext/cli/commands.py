"""`langbot-state`: starts LangBot with the extension, and looks after it. No logic of its own."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..backends.urls import missing_file
from ..config import SECTION, config_file, parse_config
from ..errors import ConfigError, MissingExtra, StateError
from ..store.keyed import LOGGER
from ..store.store import StateStore

if TYPE_CHECKING:
    from ..host.adoption.adopt import Exported
    from ..store.copy import Copied

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""

PROGRESS_S = 1.0
"""How often a long copy says how far it is."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments. Default: those of the process.

    Returns:
        The exit status: 0 done, 1 something is not as it should be, 2 wrong usage, 130 a copy was
        interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words[:1] == ["run"]:
            return _run(words[1:])
        arguments = _parser().parse_args(words)
        return int(arguments.command(arguments))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"langbot", "sqlalchemy"}:
            raise
        return _fail(MissingExtra(str(error.name), "host"))
    except (StateError, OSError) as error:
        return _fail(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="langbot-state", description="Durable state for LangBot's agent runners."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("run", _run, "start LangBot with the extension; takes LangBot's own arguments"),
        ("enable", _enable, "make a plain langbot of this environment load the extension"),
        ("disable", _disable, "take back what enable did; the state stays"),
        ("doctor", _doctor, "say whether everything is as it should be"),
        ("export-host", _export_host, "write the state back into LangBot's own table"),
        ("copy", _copy, "copy a whole store into another one, with LangBot stopped"),
    ):
        sub = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        sub.set_defaults(command=command)
        if name == "copy":
            for which in ("FROM_URL", "TO_URL"):
                sub.add_argument(which, help="as in state_ext.url; ${NAME} is the environment's")
        if name != "run":
            sub.add_argument("--json", action="store_true", help="print JSON, for machines")
    return parser


def _run(words: Any) -> int:
    from ..host.launcher import run

    run(words)
    return 0


def _enable(arguments: argparse.Namespace) -> int:
    from ..host.launcher import enable

    files = [str(file) for file in enable(config_file())]
    text = f"Enabled: start LangBot as ever. Written: {', '.join(files)}"
    return _say(arguments, {"written": files}, text)


def _disable(arguments: argparse.Namespace) -> int:
    from ..host.launcher import disable

    files = [str(file) for file in disable(config_file())]
    text = f"Disabled; the state stays where it is. Changed: {', '.join(files) or 'nothing'}"
    return _say(arguments, {"changed": files}, text)


def _doctor(arguments: argparse.Namespace) -> int:
    from ..host.doctor import examine

    findings = asyncio.run(examine(config_file()))
    lines = [f"{'ok  ' if f.ok else 'BAD '} {f.name:8} {f.detail}" for f in findings]
    _say(arguments, [dataclasses.asdict(finding) for finding in findings], "\n".join(lines))
    return 0 if all(finding.ok for finding in findings) else 1


def _export_host(arguments: argparse.Namespace) -> int:
    done = asyncio.run(_export())
    text = (
        f"Wrote {done.written} entries into LangBot's own table; {done.left_out} have no place "
        f"there, {done.refused} were refused."
    )
    _say(arguments, done._asdict(), text)
    return 1 if done.refused else 0


async def _export() -> Exported:
    from ..host.adoption.adopt import export
    from ..host.database import host_engine
    from ..host.launcher import read_config

    host_config = read_config(config_file())
    config = parse_config(host_config.get(SECTION) or {}, root=Path.cwd())
    async with host_engine(host_config) as engine:
        file = missing_file(config.url)
        if file is not None:
            raise ConfigError(f"there is no {file} to write back: is it the url LangBot ran with?")
        async with StateStore.open(config.url) as store:
            return await export(store, engine, LOGGER)


def _copy(arguments: argparse.Namespace) -> int:
    from ..store.copy import copy_urls

    shown = time.monotonic()

    def progress(copied: Copied) -> None:
        nonlocal shown
        if time.monotonic() - shown >= PROGRESS_S:
            shown = time.monotonic()
            print(f"{copied.scopes} scopes so far ...", file=sys.stderr)  # noqa: T201 - a command

    try:
        copied = asyncio.run(copy_urls(arguments.FROM_URL, arguments.TO_URL, progress=progress))
    except KeyboardInterrupt:
        _fail("interrupted: run it again, and it goes on where it ended")
        return INTERRUPTED
    text = (
        f"All {copied.entries} entries of {copied.scopes} scopes are there, compared one by one: "
        f"{copied.written} were copied now, {copied.newer} were left since what was there is "
        f"later. {copied.only_there} scopes are only there, and so are "
        f"{copied.entries_only_there} entries of others: what was erased here is among them."
    )
    return _say(arguments, dataclasses.asdict(copied), text)


def _say(arguments: argparse.Namespace, data: Any, text: str) -> int:
    print(json.dumps(data, indent=2) if arguments.json else text)  # noqa: T201 - a command
    return 0


def _fail(error: Exception | str) -> int:
    print(f"langbot-state: {error}", file=sys.stderr)  # noqa: T201 - a command
    return 1
