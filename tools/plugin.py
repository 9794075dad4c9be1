"""`python -m tools.plugin`: stages the plugin's files and builds its package in `dist/`.

LangBot's tool packs everything in the folder, so the staged folder holds only the plugin.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from testkit.plugin_package import build
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


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=NOT_SHIPPED)
    else:
        shutil.copy2(source, target)


if __name__ == "__main__":
    package = build(stage(ROOT / "build" / "plugin"), ROOT / "dist")
    print(f"{package.relative_to(ROOT)}: {package.stat().st_size:,} bytes")
