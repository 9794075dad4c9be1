"""Starts LangBot with the extension; installs the hook that makes a plain `langbot` load it."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from ..config import SECTION
from ..errors import ConfigError, HostNotSupported
from ..lifecycle.lifecycle import RunLifecycle
from ..store.store import StateStore
from . import startup_hook
from .adapter import host_patches
from .compat import check_seams, host_version

HOOK = "_langbot_state_ext_startup"


def run(arguments: Sequence[str]) -> None:
    """Start LangBot in this process.

    Args:
        arguments: LangBot's own arguments.

    Raises:
        HostNotSupported: LangBot is not installed.
    """
    host_version()
    startup_hook.install()
    sys.argv = ["langbot", *arguments]
    from langbot.__main__ import main

    main()


def enable(config_file: Path) -> list[Path]:
    """Make a plain `langbot` of this environment load the extension.

    Args:
        config_file: The path of LangBot's configuration. When there is no such file, it is created
            from LangBot's template.

    Returns:
        The files that were written.

    Raises:
        HostNotSupported: LangBot is not installed, or a seam of it is not as in any tested
            version and `on_unknown_host` is not `plain`.
        ConfigError: The configuration can't be read.
    """
    host_version()
    _check_seams(config_file)
    hook, loader = _hook_files()
    hook.write_text(Path(startup_hook.__file__).read_text("utf-8"), "utf-8")
    loader.write_text(f"import {HOOK}\n", "utf-8")
    write_section(config_file, {"enable": True})
    return [config_file, hook, loader]


def disable(config_file: Path) -> list[Path]:
    """Undo what `enable` did. The state is kept.

    Args:
        config_file: The path of LangBot's configuration.

    Returns:
        The files that were written or removed.

    Raises:
        ConfigError: The configuration can't be read. The hook is removed first.
    """
    changed = [file for file in _hook_files() if file.exists()]
    for file in changed:
        file.unlink()
    if not config_file.exists():
        return changed
    try:
        write_section(config_file, {"enable": False})
    except ConfigError as error:
        raise ConfigError(f"the start-up hook is removed, but {error}") from None
    return [*changed, config_file]


def hook_installed() -> bool:
    """Return whether a plain `langbot` of this environment loads the extension."""
    return all(file.exists() for file in _hook_files())


def read_config(config_file: Path) -> dict[str, Any]:
    """Read LangBot's configuration, or LangBot's template when there is no such file.

    Raises:
        ConfigError: The file is not a YAML mapping.
    """
    source = config_file if config_file.exists() else files("langbot.templates") / "config.yaml"
    try:
        data = yaml.safe_load(source.read_text("utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{config_file} is not YAML: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{config_file} is not a mapping of settings")
    return data


def write_section(config_file: Path, settings: Mapping[str, Any]) -> None:
    """Change settings of the section `state_ext`; format the file as LangBot does."""
    data = read_config(config_file)
    _check_section(data, config_file)
    data[SECTION] = {**(data.get(SECTION) or {}), **settings}
    config_file.parent.mkdir(parents=True, exist_ok=True)
    _write(config_file, yaml.dump(data, indent=4, allow_unicode=True))


def _write(file: Path, text: str) -> None:
    """Replace a file atomically; keep its owner and its permissions."""
    if not file.exists():
        file.write_text(text, "utf-8")
        return
    file = file.resolve()
    part = file.with_name(f".{file.name}.part")
    try:
        part.touch(0o600)
        part.write_text(text, "utf-8")
        if os.name == "posix":
            os.chown(part, file.stat().st_uid, file.stat().st_gid)
        shutil.copymode(file, part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _check_section(data: Mapping[str, Any], config_file: Path) -> None:
    if not isinstance(data.get(SECTION), dict | None):
        raise ConfigError(f"{SECTION} in {config_file} is not a mapping of settings")


def _check_seams(config_file: Path) -> None:
    data = read_config(config_file)
    _check_section(data, config_file)
    try:
        check_seams(patch.place for patch in host_patches(RunLifecycle(StateStore()), logger=None))
    except HostNotSupported:
        if (data.get(SECTION) or {}).get("on_unknown_host") != "plain":
            raise


def _hook_files() -> tuple[Path, Path]:
    site = Path(sysconfig.get_path("purelib"))
    return site / f"{HOOK}.py", site / "langbot_state_ext_startup.pth"
