"""The Python environment that LangBot starts in: its start-up hook, and what else it has."""

from __future__ import annotations

import py_compile
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import distributions
from importlib.resources import files
from importlib.util import cache_from_source
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import ConfigError

HOOK = "_langbot_state_ext_startup"
LOADER = f"import {HOOK}; {HOOK}.install()\n"

IMPORT_BOOT = "from langbot.pkg.core.boot import stage_order; print('StateExtStage' in stage_order)"

IMPORT_LIMIT_S = 300.0
"""How long an import of LangBot may take: seconds on an idle machine, minutes on a busy one."""


def check_one_extension() -> None:
    """Check that this environment has one version of the extension.

    Raises:
        ConfigError: It has several; the message names them and their folders.
    """
    found = {
        distribution.version: str(distribution.locate_file(""))
        for distribution in distributions(name="langbot-state-ext")
    }
    if len(found) > 1:
        listed = ", ".join(f"{version} in {folder}" for version, folder in found.items())
        raise ConfigError(
            f"langbot-state-ext is installed in {len(found)} versions, {listed}: "
            "uninstall all but one"
        )


def hook_files() -> tuple[Path, Path]:
    """Return the paths of the hook and of the `.pth` file that loads it."""
    site = Path(sysconfig.get_path("purelib"))
    return site / f"{HOOK}.py", site / "langbot_state_ext_startup.pth"


def hook_installed() -> bool:
    """Return whether the files of the hook are in this environment."""
    return all(file.exists() for file in hook_files())


def write_hook() -> None:
    """Install the hook, compiled: a user who may not write here would compile it at each start."""
    hook, loader = hook_files()
    hook.write_text((files(__package__) / "startup_hook.py").read_text("utf-8"), "utf-8")
    py_compile.compile(str(hook), doraise=True)
    loader.write_text(LOADER, "utf-8")


def remove_hook() -> list[Path]:
    """Remove the hook; return the files that were there."""
    removed = [file for file in hook_files() if file.exists()]
    for file in reversed(removed):
        file.unlink()
    _compiled_hook().unlink(missing_ok=True)
    return removed


def _compiled_hook() -> Path:
    return Path(cache_from_source(str(hook_files()[0])))


def loads_extension() -> bool:
    """Return whether a process of this environment that imports LangBot loads the extension.

    Raises:
        ConfigError: LangBot can't be imported, or not in time; the message has the reason.
    """
    with TemporaryDirectory(prefix="langbot-state-") as folder:
        try:
            done = subprocess.run(  # noqa: S603 - this Python, and code of our own
                [sys.executable, "-W", "ignore", "-c", IMPORT_BOOT],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=IMPORT_LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            raise ConfigError(
                f"{sys.executable} did not import LangBot in {IMPORT_LIMIT_S:g} s"
            ) from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise ConfigError(f"{sys.executable} can't import LangBot: {reason}")
    return done.stdout.split()[-1:] == ["True"]


def cache_warning() -> str | None:
    """Return what to expect of an environment that lies in a cache, such as that of `uvx`."""
    if not any((folder / "CACHEDIR.TAG").exists() for folder in Path(sys.prefix).parents):
        return None
    return (
        f"{sys.prefix} is in a cache. When it is removed there, or LangBot or the extension is "
        "upgraded, enable again; langbot-state run needs no hook"
    )


@contextmanager
def restored_on_error(written: Sequence[Path]) -> Iterator[None]:
    """Restore the files, and the compiled hook, when the block fails to write one of them.

    Raises:
        ConfigError: A file could not be written.
    """
    places = [*written, _compiled_hook()]
    before = {file: file.read_bytes() if file.exists() else None for file in places}
    new_folders = [file.parent for file in places if not file.parent.exists()]
    try:
        yield
    except OSError as error:
        for file, data in before.items():
            if data is None:
                file.unlink(missing_ok=True)
            elif file.read_bytes() != data:
                file.write_bytes(data)
        for folder in new_folders:
            if folder.exists():
                folder.rmdir()
        raise ConfigError(
            f"not enabled, and nothing was changed: {error}; run this as a user who may write there"
        ) from None
