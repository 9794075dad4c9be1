"""What `langbot-state doctor` finds out about a LangBot, without starting it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from ..backends import ScopeFilter
from ..backends.urls import missing_file, shown_url
from ..config import SECTION, StateExtConfig, parse_config
from ..errors import HostNotSupported, StateError
from ..lifecycle.run import RunLifecycle
from ..store.store import StateStore
from .adapter import table
from .compat import check_version
from .database import NoHostDatabase, host_engine
from .launcher import hook_installed, read_config
from .patches import Patches

PLUGIN = ("langbot-state-ext", "RunnerState")

INSTALLED = sa.text(
    "SELECT 1 FROM plugin_settings WHERE plugin_author = :author AND plugin_name = :name"
)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What: `langbot`, `seams`, `config`, `start`, `store` or `plugin`.
        ok: Whether it is as it should be.
        detail: What was found, and what to do where it is not.
    """

    name: str
    ok: bool
    detail: str


async def examine(config_file: Path) -> list[Finding]:
    """Look at everything that a start with the extension needs.

    Args:
        config_file: LangBot's configuration.

    Returns:
        One finding for each thing, whatever goes wrong with the others.
    """
    root = config_file.parent.parent
    checks: dict[str, Callable[[], Awaitable[str]]] = {
        "langbot": _langbot,
        "seams": _seams,
        "config": lambda: _config(config_file, root),
        "start": _start,
        "store": lambda: _store(config_file, root),
        "plugin": lambda: _plugin(config_file),
    }
    findings = []
    for name, check in checks.items():
        try:
            findings.append(Finding(name, True, await check()))
        except (StateError, OSError) as error:
            findings.append(Finding(name, False, str(error)))
    return findings


async def _langbot() -> str:
    return f"LangBot {check_version()} is supported"


async def _seams() -> str:
    patches = table(RunLifecycle(StateStore()), logger=None)
    Patches(patches).check()
    return f"all {len(patches)} places are as expected"


async def _config(config_file: Path, root: Path) -> str:
    config = _settings(config_file, root)
    if not config.enable:
        raise HostNotSupported(f"{SECTION}.enable is false in {config_file}: langbot-state enable")
    return f"{config_file} is valid"


async def _start() -> str:
    if hook_installed():
        return "a plain langbot of this environment loads the extension"
    return "langbot-state run loads it; a plain langbot does after langbot-state enable"


async def _store(config_file: Path, root: Path) -> str:
    url = _settings(config_file, root).url
    file = missing_file(url)
    if file is not None:
        return f"{file} will be made at the first start"
    async with StateStore.open(url) as store:
        page = await store.backend.scopes(ScopeFilter(), None, 1000)
    count = f"{len(page.scopes)}{' or more' if page.cursor else ''}"
    return f"{shown_url(url)} is readable and has {count} scopes"


async def _plugin(config_file: Path) -> str:
    author, name = PLUGIN
    try:
        async with host_engine(read_config(config_file)) as engine, engine.connect() as connection:
            installed = await connection.scalar(INSTALLED, {"author": author, "name": name})
    except NoHostDatabase as reason:
        return f"{author}/{name} is not installed: {reason}"
    return f"{author}/{name} is {'installed' if installed else 'not installed; it is optional'}"


def _settings(config_file: Path, root: Path) -> StateExtConfig:
    section = read_config(config_file).get(SECTION)
    return parse_config({} if section is None else section, root=root)
