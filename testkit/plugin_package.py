"""Building a plugin's package with LangBot's own tool."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from .langbot_api import HostError


def build(source: Path, work: Path) -> Path:
    """Build a plugin.

    Args:
        source: The plugin's folder; nothing is written there.
        work: A folder for it, made anew.

    Returns:
        The package.

    Raises:
        HostError: The tool made nothing of it.
    """
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(source, work, ignore=shutil.ignore_patterns("__pycache__"))
    built = subprocess.run(
        [str(bin_folder() / "lbp"), "build", "-o", "dist"],
        cwd=work,
        check=False,
        capture_output=True,
        text=True,
    )
    packages = list((work / "dist").glob("*.lbpkg"))
    if not packages:
        raise HostError(f"lbp build made nothing of {source}: {built.stdout}{built.stderr}")
    return packages[0]


def bin_folder() -> Path:
    """Return where the commands of this environment are."""
    return Path(sys.executable).parent
