"""The checks of `langbot-state doctor`. They do not start LangBot."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from ..backends import ScopeFilter
from ..backends.urls import missing_file, url_without_secrets
from ..config import SECTION, StateExtConfig, parse_config
from ..errors import ConfigError, StateError
from ..lifecycle.lifecycle import RunLifecycle
from ..store.store import StateStore
from .adapter import host_patches
from .compat import SUPPORTED, check_seams, host_version
from .database import NoHostDatabase, host_engine
from .dify_groups import read_split_pipelines
from .environment import check_one_extension, hook_files, hook_installed, loads_extension
from .launcher import read_config
from .patches import Patches
from .plugin_calls import PLUGIN

INSTALLED = sa.text(
    "SELECT 1 FROM plugin_settings WHERE plugin_author = :author AND plugin_name = :name"
)


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: `langbot`, `seams`, `config`, `start`, `store`, `plugin` or `dify`.
        ok: Whether it passed.
        detail: What was found; for a failed check also what to do.
    """

    name: str
    ok: bool
    detail: str


async def check_host(config_file: Path) -> list[Check]:
    """Check everything that LangBot needs to start with the extension.

    Args:
        config_file: The path of LangBot's configuration.

    Returns:
        One result per check. A failed check does not stop the others.
    """
    root = config_file.parent.parent
    checks: dict[str, Callable[[], Awaitable[str]]] = {
        "langbot": _langbot,
        "seams": _seams,
        "config": lambda: _config(config_file, root),
        "start": _start,
        "store": lambda: _store(config_file, root),
        "plugin": lambda: _plugin(config_file),
        "dify": lambda: _dify(config_file),
    }
    results = []
    for name, check in checks.items():
        try:
            results.append(Check(name, True, await check()))
        except (StateError, OSError, ImportError) as error:
            results.append(Check(name, False, str(error)))
    return results


async def _langbot() -> str:
    version = host_version()
    tested = "is tested" if version in SUPPORTED else "is not tested; the seams decide"
    return f"LangBot {version} {tested}"


async def _seams() -> str:
    patches = Patches(host_patches(RunLifecycle(StateStore()), logger=None))
    host = check_seams(patches.places())
    patches.check()
    count = len(patches.places())
    return host.warning or f"all are as in LangBot {host.version}; {count} are patched"


async def _config(config_file: Path, root: Path) -> str:
    config = _settings(config_file, root)
    if not config.enable:
        raise ConfigError(f"{SECTION}.enable is false in {config_file}: run langbot-state enable")
    return f"{config_file} is valid"


async def _start() -> str:
    check_one_extension()
    if await asyncio.to_thread(loads_extension):
        return f"LangBot in {sys.prefix} loads the extension, however it is started"
    if hook_installed():
        raise ConfigError(
            f"{hook_files()[1]} is there, but LangBot in {sys.prefix} does not load the extension: "
            "check that Python reads .pth files of that folder, or use langbot-state run"
        )
    return (
        f"LangBot in {sys.prefix} does not load the extension by itself: run langbot-state enable, "
        "or start LangBot with langbot-state run"
    )


async def _store(config_file: Path, root: Path) -> str:
    url = _settings(config_file, root).url
    file = missing_file(url)
    if file is not None:
        return f"{file} will be created at the first start"
    async with StateStore.open(url) as store:
        page = await store.backend.scopes(ScopeFilter(), None, 1000)
    count = f"{len(page.scopes)}{' or more' if page.cursor else ''}"
    return f"{url_without_secrets(url)} is readable and has {count} scopes"


async def _plugin(config_file: Path) -> str:
    author, name = PLUGIN
    try:
        async with host_engine(read_config(config_file)) as engine, engine.connect() as connection:
            installed = await connection.scalar(INSTALLED, {"author": author, "name": name})
    except NoHostDatabase as reason:
        return f"{author}/{name} is not installed: {reason}"
    return f"{author}/{name} is {'installed' if installed else 'not installed; it is optional'}"


async def _dify(config_file: Path) -> str:
    """Warn of pipelines, and fail nothing: nobody may use them in a group."""
    try:
        async with host_engine(read_config(config_file)) as engine, engine.connect() as connection:
            pipelines = await read_split_pipelines(connection)
    except NoHostDatabase as reason:
        return f"no pipeline yet: {reason}"
    if not pipelines:
        return "no pipeline splits the conversations of groups with Dify"
    return (
        f"warning: in a group each change of speaker ends the Dify conversation of pipeline "
        f"{', '.join(pipelines)}: set user-id-source: legacy-session in the settings of its runner"
    )


def _settings(config_file: Path, root: Path) -> StateExtConfig:
    section = read_config(config_file).get(SECTION)
    return parse_config({} if section is None else section, root=root)
