"""Finds a browser for the tests of the page, or installs one.

In this order: an installed Chromium or Chrome; one that playwright downloaded before; Debian's
package, as root; playwright's own download.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

INSTALLED = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")

PACKAGES = ("chromium", "fonts-wqy-microhei")
"""The browser, and a small Chinese font."""

MISSING = (
    "no browser for the tests of the page: install Chromium or Chrome, so that one of "
    f"{', '.join(INSTALLED)} is on the PATH, or run: python -m playwright install chromium"
)


def find() -> Path | None:
    """Return a browser that starts; None if there is none."""
    places = [Path(found) for found in map(shutil.which, INSTALLED) if found]
    return next((place for place in [*places, _downloaded()] if _starts(place)), None)


def ensure() -> Path:
    """Return a browser that starts; install one first if there is none.

    Raises:
        SystemExit: No browser could be installed; the message says what to do.
    """
    for get in (None, _by_apt, _by_playwright):
        if get is not None:
            get()
        found = find()
        if found is not None:
            return found
    sys.exit(MISSING)


def _by_apt() -> None:
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    print(f"Getting {' and '.join(PACKAGES)} from Debian, 100 MB or so ...", flush=True)
    _run(["apt-get", "update", "-q"])
    _run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *PACKAGES])


def _by_playwright() -> None:
    print("Getting playwright's own Chromium, 150 MB or so ...", flush=True)
    _run([sys.executable, "-m", "playwright", "install", "chromium"])


def _run(argv: Sequence[str]) -> None:
    """Run a command with its output shown; the caller looks for a browser afterwards."""
    subprocess.run(argv, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def _downloaded() -> Path:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path)


def _starts(place: Path) -> bool:
    """Return whether it runs; Ubuntu's `chromium` may be a stub that only names a snap."""
    if not place.exists():
        return False
    done = subprocess.run([str(place), "--version"], check=False, capture_output=True)
    return done.returncode == 0


if __name__ == "__main__":
    print(f"The tests of the page use {ensure()}")
