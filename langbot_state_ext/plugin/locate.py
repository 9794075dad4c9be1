"""Locate the store from inside a plugin process, which has only the plugin's own settings.

The plugin's setting `database_url` comes first. Without it, LangBot's `data/config.yaml` in a
folder above the plugin's names the store.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ..backends.urls import sqlite_file, url_without_secrets
from ..config import SECTION, is_enabled, parse_config
from ..errors import BackendUnavailable, ConfigError, StateError
from ..state.codec import Limits
from ..store.store import StateStore

URL_SETTING = "database_url"
"""The plugin's own setting for the store's url."""


class StoreNotFound(ConfigError):
    """The store can't be found or opened.

    Args:
        reason: Why.
        url: The store's url, without a password; empty when none is known.
    """

    def __init__(self, reason: str, url: str = "") -> None:
        super().__init__(reason)
        self.url = url


class Location(NamedTuple):
    """Where the state is.

    Attributes:
        url: A complete url.
        limits: The limits in LangBot's `data/config.yaml`.
    """

    url: str
    limits: Limits


def locate_store(
    config: Mapping[str, Any], start: Path, environ: Mapping[str, str] = os.environ
) -> Location:
    """Return where the state is.

    Args:
        config: The plugin's settings.
        start: The folder that the plugin runs in.
        environ: Where `${NAME}` in the url comes from. Default: the process environment.

    Returns:
        The location; where it is a file, the file exists.

    Raises:
        StoreNotFound: No settings name it, they are not valid, or the file does not exist.
    """
    host = _host_config(start)
    root = start if host is None else host.parent.parent
    section = _section(host)
    given = {name: section[name] for name in ("url", "limits") if name in section}
    url = str(config.get(URL_SETTING) or "").strip()
    if url:
        given["url"] = url
    elif host is None:
        raise StoreNotFound(f"found no data/config.yaml of LangBot in {start} or a folder above it")
    try:
        checked = parse_config(given, root=root, environ=environ)
    except ConfigError as error:
        faults = _faults(error, host, by_setting=bool(url))
        raise StoreNotFound(faults, url_without_secrets(str(given.get("url", "")))) from None
    _check_exists(checked.url, enabled=bool(url) or is_enabled(section or None))
    return Location(checked.url, checked.store_limits())


class StoreAccess:
    """Opens the store on first use, and keeps it open.

    Args:
        config: Returns the plugin's settings.
        start: The folder that the plugin runs in. Default: the working directory.
    """

    def __init__(self, config: Callable[[], Mapping[str, Any]], start: Path | None = None) -> None:
        self._config = config
        self._start = start
        self._lock = asyncio.Lock()
        self._store: StateStore | None = None
        self._path: Path | None = None
        self._file: tuple[int, int] | None = None
        self.url = ""

    async def store(self) -> StateStore:
        """Return the open store.

        Raises:
            StoreNotFound: It can't be found or opened; the next call tries again.
            BackendUnavailable: Its server does not answer.
        """
        async with self._lock:
            if self._store is not None and self._file != _identity(self._path):
                await self.close()
            if self._store is None:
                self._store = await self._open()
            return self._store

    async def close(self) -> None:
        """Close the store. Calling it again does nothing."""
        if self._store is not None:
            await self._store.close()
            self._store = None

    async def _open(self) -> StateStore:
        location = locate_store(self._config(), self._start or Path.cwd())
        self.url = url_without_secrets(location.url)
        self._path = sqlite_file(location.url)
        self._file = _identity(self._path)
        try:
            return await StateStore.open(location.url, limits=location.limits)
        except BackendUnavailable:
            raise
        except StateError as error:
            raise StoreNotFound(str(error), self.url) from error


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Return which file this is, to notice when another one replaces it."""
    if path is None or not path.exists():
        return None
    found = path.stat()
    return found.st_dev, found.st_ino


def _host_config(start: Path) -> Path | None:
    candidates = (folder / "data" / "config.yaml" for folder in (start, *start.parents))
    return next((file for file in candidates if file.is_file()), None)


def _section(host: Path | None) -> Mapping[str, Any]:
    if host is None:
        return {}
    try:
        data = yaml.safe_load(host.read_text("utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise StoreNotFound(f"{host} is not YAML{line}") from None
    except (OSError, ValueError) as error:
        raise StoreNotFound(f"{host} can't be read: {error}") from None
    section = data.get(SECTION) if isinstance(data, Mapping) else None
    return section if isinstance(section, Mapping) else {}


def _faults(error: ConfigError, host: Path | None, *, by_setting: bool) -> str:
    """Return the faults of the settings on one line, each with the file or setting it is in."""
    url = f"{SECTION}.url: "
    faults = [line.strip() for line in str(error).splitlines()[1:]]
    return "; ".join(
        f"the plugin's setting {URL_SETTING}: {fault.removeprefix(url)}"
        if by_setting and fault.startswith(url)
        else f"{host}: {fault}"
        for fault in faults
    )


def _check_exists(url: str, *, enabled: bool) -> None:
    if url.startswith("memory:"):
        raise StoreNotFound(
            "the state is in LangBot's memory (memory://), which a plugin can't read", url
        )
    file = sqlite_file(url)
    if file is None or file.exists():
        return
    if not enabled:
        raise StoreNotFound(
            "LangBot runs without langbot-state-ext: install it beside LangBot, then run "
            "langbot-state enable",
            url_without_secrets(url),
        )
    raise StoreNotFound(
        f"{file} does not exist: start LangBot, which creates it", url_without_secrets(url)
    )
