"""`python -m tools.plugin`: builds the plugin's package, which the wheel carries."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from .page import build_page

ROOT = Path(__file__).parents[1]

PACKAGE = ROOT / "langbot_state_ext" / "plugin" / "RunnerState.lbpkg"
"""Where the host half looks for the package."""

FILES = ("manifest.yaml", "main.py", "requirements.txt", "LICENSE", "assets", "components")

NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", "src")
"""`src` has the page's sources."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file: the same sources give the same bytes, and LangBot renews nothing."""


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
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=NOT_SHIPPED)
        else:
            shutil.copy2(ROOT / name, target / name)
    build_page(target / "components" / "pages" / "inspector" / "index.html")
    return target


def build(package: Path = PACKAGE) -> Path:
    """Build the package; it replaces the one that is there.

    Args:
        package: The file to write.

    Returns:
        The file.
    """
    with TemporaryDirectory(prefix="plugin-") as folder:
        staged = stage(Path(folder, "plugin"))
        with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(file for file in staged.rglob("*") if file.is_file()):
                entry = zipfile.ZipInfo(str(file.relative_to(staged).as_posix()), EPOCH)
                archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return package


if __name__ == "__main__":
    built = build()
    sys.stdout.write(f"{built.relative_to(ROOT)}: {built.stat().st_size:,} bytes\n")
