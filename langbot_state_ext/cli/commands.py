"""`langbot-state`: the command line. Each command calls one function of the package."""

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
from ..store.store import LOGGER, StateStore

if TYPE_CHECKING:
    from ..host.adoption.export import Exported
    from ..store.copy import Copied

INTERRUPTED = 130
"""The exit status after Ctrl-C, as in a shell."""

PROGRESS_S = 1.0
"""The seconds between two lines of progress."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments. Default: those of the process.

    Returns:
        The exit status: 0 for success, 1 for an error or a failed check, 2 for wrong usage, 130
        when interrupted.
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
        prog="langbot-state",
        description="Durable state for LangBot's agent runners.",
        epilog="Run it in the folder that holds LangBot's data/config.yaml.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command, text in (
        ("run", _run, "start LangBot with the extension; takes LangBot's own arguments"),
        (
            "enable",
            _enable,
            "make LangBot load the extension: install the hook, set state_ext.enable: true",
        ),
        ("disable", _disable, "remove the hook and set state_ext.enable: false; the state is kept"),
        ("doctor", _doctor, "check the installation, the configuration and the store"),
        (
            "export-host",
            _export_host,
            "write the state back to LangBot's own table; stop LangBot first",
        ),
        ("copy", _copy, "copy the state from one store to another; stop LangBot first"),
    ):
        sub = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        sub.set_defaults(command=command)
        if name == "copy":
            sub.add_argument("FROM_URL", help="the store to read, a url as in state_ext.url")
            sub.add_argument("TO_URL", help="the store to write; nothing in it is deleted")
            sub.epilog = "Put a url with ${NAME} in single quotes: it is read from the environment."
        if name == "enable":
            _add_places(sub)
        if name != "run":
            sub.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def _add_places(enable: argparse.ArgumentParser) -> None:
    where = enable.add_mutually_exclusive_group()
    where.add_argument(
        "--new", action="store_true", help="create data/config.yaml: LangBot has never run here"
    )
    where.add_argument(
        "--hook",
        action="store_true",
        help="install only the hook, for an image; enable with STATE_EXT__ENABLE=true",
    )


def _run(words: Any) -> int:
    from ..host.launcher import run

    run(words)
    return 0


def _enable(arguments: argparse.Namespace) -> int:
    from ..host.launcher import enable

    done = enable(None if arguments.hook else config_file(), new=arguments.new)
    where = f"LangBot {done.langbot} in {done.environment}"
    text = f"Enabled: {where} loads the extension, however it is started in {done.folder}"
    if done.folder is None:
        text = f"Hooked: {where} loads the extension where STATE_EXT__ENABLE=true is set"
    text += f"\nWritten: {', '.join(done.written)}"
    if done.warning is not None:
        text += f"\nWarning: {done.warning}"
    return _print(arguments, dataclasses.asdict(done), text)


def _disable(arguments: argparse.Namespace) -> int:
    from ..host.launcher import disable, read_config
    from ..host.page import remove_page

    config = config_file()
    files = [str(file) for file in disable(config)]
    text = f"Disabled. The state is kept. Changed: {', '.join(files) or 'nothing'}"
    page = False
    if config.exists():
        page = asyncio.run(remove_page(read_config(config)))
        text += "\nRemoved the page Runner state from LangBot's database" if page else ""
    else:
        text += f"\nThere is no {config}: only the hook was removed"
    return _print(arguments, {"changed": files, "page_removed": page}, text)


def _doctor(arguments: argparse.Namespace) -> int:
    from ..host.doctor import check_host

    checks = asyncio.run(check_host(config_file()))
    lines = [f"{'ok  ' if c.ok else 'BAD '} {c.name:8} {c.detail}" for c in checks]
    _print(arguments, [dataclasses.asdict(check) for check in checks], "\n".join(lines))
    return 0 if all(check.ok for check in checks) else 1


def _export_host(arguments: argparse.Namespace) -> int:
    done = asyncio.run(_export())
    text = (
        f"Exported {done.written} entries to LangBot's own table. {done.left_out} can't be mapped "
        f"to it, {done.refused} were refused."
    )
    _print(arguments, done._asdict(), text)
    return 1 if done.refused else 0


async def _export() -> Exported:
    from ..host.adoption.export import export
    from ..host.database import host_engine
    from ..host.launcher import read_config

    host_config = read_config(config_file())
    config = parse_config(host_config.get(SECTION) or {}, root=Path.cwd())
    async with host_engine(host_config) as engine:
        file = missing_file(config.url)
        if file is not None:
            raise ConfigError(
                f"{file} does not exist: check that state_ext.url is the url LangBot ran with"
            )
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
        _fail("interrupted: run the same command again to continue")
        return INTERRUPTED
    text = (
        f"Copied and verified {copied.entries} entries of {copied.scopes} scopes: "
        f"{copied.written} written now, {copied.newer} kept because the target has a later value. "
        f"Only in the target: {copied.only_there} scopes, and {copied.entries_only_there} entries "
        "of other scopes. What was erased in the source is among them."
    )
    return _print(arguments, dataclasses.asdict(copied), text)


def _print(arguments: argparse.Namespace, data: Any, text: str) -> int:
    print(json.dumps(data, indent=2) if arguments.json else text)  # noqa: T201 - a command
    return 0


def _fail(error: Exception | str) -> int:
    print(f"langbot-state: {error}", file=sys.stderr)  # noqa: T201 - a command
    return 1
