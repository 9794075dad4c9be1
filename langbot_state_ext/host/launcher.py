"""Starts LangBot with the extension; enables and disables it for every other way of starting."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from .environment import (
    cache_warning,
    check_one_extension,
    hook_files,
    remove_hook,
    restored_on_error,
    write_hook,
)


def run(arguments: Sequence[str]) -> None:
    """Start LangBot in this process.

    Args:
        arguments: LangBot's own arguments.

    Raises:
        ConfigError: Two versions of the extension are installed.
        HostNotSupported: LangBot is not installed.
    """
    check_one_extension()
    host_version()
    startup_hook.install()
    sys.argv = ["langbot", *arguments]
    from langbot.__main__ import main

    main()


@dataclass(frozen=True)
class Enabled:
    """What `enable` did.

    Attributes:
        environment: The Python environment that has the hook, `sys.prefix`.
        langbot: The version of LangBot in it.
        folder: The folder in which LangBot is started; None when only the hook was installed.
        written: The files that were written.
        warning: Why the hook may be lost; None when it stays.
    """

    environment: str
    langbot: str
    folder: str | None
    written: list[str]
    warning: str | None


def enable(config_file: Path | None, *, new: bool = False) -> Enabled:
    """Make LangBot load the extension, however it is started in this environment.

    Args:
        config_file: The path of LangBot's configuration. None installs only the hook; LangBot's
            own override `STATE_EXT__ENABLE=true` then enables the extension.
        new: Whether to create a missing configuration from LangBot's template. Default False.

    Returns:
        What was done.

    Raises:
        HostNotSupported: LangBot is not installed, or a seam of it is not as in any tested
            version and `on_unknown_host` is not `plain`.
        ConfigError: Two versions of the extension are installed, this is not LangBot's folder, its
            configuration can't be read, or a file can't be written. Nothing was changed.
    """
    check_one_extension()
    version = host_version()
    written = list(hook_files())
    if config_file is not None:
        _check_folder(config_file, new=new)
        written.insert(0, config_file)
    _check_seams(config_file)
    with restored_on_error(written):
        write_hook()
        if config_file is not None:
            write_section(config_file, {"enable": True})
    return Enabled(
        environment=sys.prefix,
        langbot=version,
        folder=None if config_file is None else str(config_file.parent.parent),
        written=[str(file) for file in written],
        warning=cache_warning(),
    )


def disable(config_file: Path) -> list[Path]:
    """Undo what `enable` did. The state is kept.

    Args:
        config_file: The path of LangBot's configuration. When there is no such file, only the hook
            is removed.

    Returns:
        The files that were written or removed.

    Raises:
        ConfigError: The configuration can't be read. The hook is removed first.
    """
    removed = remove_hook()
    if not config_file.exists():
        return removed
    try:
        write_section(config_file, {"enable": False})
    except ConfigError as error:
        raise ConfigError(f"the start-up hook is removed, but {error}") from None
    return [*removed, config_file]


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


def _check_section(data: Mapping[str, Any], config_file: Path | None) -> None:
    if not isinstance(data.get(SECTION), dict | None):
        raise ConfigError(f"{SECTION} in {config_file} is not a mapping of settings")


def _check_seams(config_file: Path | None) -> None:
    data = {} if config_file is None else read_config(config_file)
    _check_section(data, config_file)
    try:
        check_seams(patch.place for patch in host_patches(RunLifecycle(StateStore()), logger=None))
    except HostNotSupported:
        if (data.get(SECTION) or {}).get("on_unknown_host") != "plain":
            raise


def _check_folder(config_file: Path, *, new: bool) -> None:
    folder = config_file.parent.parent
    if folder.name == "data" and (folder / "config.yaml").exists():
        raise ConfigError(
            f"{folder} is LangBot's data folder: run this in the folder above, {folder.parent}"
        )
    if not new and not config_file.exists():
        raise ConfigError(
            f"there is no {config_file}: run this in the folder in which LangBot is started. For a "
            "folder in which LangBot has never run: langbot-state enable --new. To build an image: "
            "langbot-state enable --hook"
        )
