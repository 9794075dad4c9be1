"""Builds a plugin's package with LangBot's own tool, `lbp build`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .langbot_api import HostError

CACHES = shutil.ignore_patterns("__pycache__", ".*_cache")


def build(source: Path, target: Path) -> Path:
    """Build a plugin.

    `lbp` packs everything in the folder, so it gets a copy without caches.

    Args:
        source: The plugin's folder; nothing is written there.
        target: The folder for the package; created if missing.

    Returns:
        The `.lbpkg` file.

    Raises:
        HostError: `lbp` built no package; the message has its output.
    """
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="plugin-") as folder:
        work = Path(folder, source.name)
        shutil.copytree(source, work, ignore=CACHES)
        argv = [str(bin_folder() / "lbp"), "build", "-o", "dist"]
        done = subprocess.run(argv, cwd=work, check=False, capture_output=True, text=True)
        packages = list(work.glob("dist/*.lbpkg"))
        if done.returncode or len(packages) != 1:
            raise HostError(f"lbp build made no package:\n{done.stdout}{done.stderr}")
        built = target / packages[0].name
        shutil.move(packages[0], built)
    return built


def bin_folder() -> Path:
    """Return the folder of this environment's commands."""
    return Path(sys.executable).parent
