"""Stages exactly the plugin's files, and builds the package with LangBot's own tool.

LangBot's tool packs whatever lies in the folder, so the folder holds just the plugin.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tools.page import build_page

ROOT = Path(__file__).parents[1]

FILES = ("manifest.yaml", "main.py", "requirements.txt", "LICENSE", "assets", "components")

PACKAGE_FILES = ("*.py", "py.typed", "state", "backends", "store", "lifecycle", "plugin")
"""Of the package: what the plugin's process imports, by itself or through the public names."""

NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", "src")
"""`src` has the page's sources."""


def stage(target: Path) -> Path:
    """Copy the plugin's files, and build its page.

    Args:
        target: The folder to make; what is there already goes.

    Returns:
        The folder.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in FILES:
        _copy(ROOT / name, target / name)
    source, package = ROOT / "langbot_state_ext", target / "langbot_state_ext"
    package.mkdir()
    for pattern in PACKAGE_FILES:
        for path in sorted(source.glob(pattern)):
            _copy(path, package / path.name)
    build_page(target / "components" / "pages" / "inspector" / "index.html")
    return target


def build(staged: Path, target: Path) -> Path:
    """Build the package.

    Args:
        staged: The folder of `stage`.
        target: The folder for the package; made when it does not exist.

    Returns:
        The `.lbpkg`.
    """
    target.mkdir(parents=True, exist_ok=True)
    before = {path: path.stat().st_mtime_ns for path in target.glob("*.lbpkg")}
    lbp = Path(sys.executable).parent / "lbp"
    done = subprocess.run(
        [str(lbp), "build", "-o", str(target.resolve())],
        cwd=staged,
        check=False,
        capture_output=True,
        text=True,
    )
    made = [path for path in target.glob("*.lbpkg") if path.stat().st_mtime_ns != before.get(path)]
    if done.returncode or len(made) != 1:
        sys.exit(f"lbp build made no package:\n{done.stdout}{done.stderr}")
    return made[0]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=NOT_SHIPPED)
    else:
        shutil.copy2(source, target)


if __name__ == "__main__":
    package = build(stage(ROOT / "build" / "plugin"), ROOT / "dist")
    print(f"{package.relative_to(ROOT)}: {package.stat().st_size:,} bytes")
