"""Python environments of our own, which have what this one has, to hook and to break."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from testkit.plugin_package import bin_folder

REAL = Path(sysconfig.get_path("purelib"))
NOT_SHARED = re.compile(r"__pycache__|.*langbot_state_ext_startup.*")
LANGBOT = re.compile(r"langbot(-.*)?")

AS_ANY_USER = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
"""Takes away the right of root to write everywhere."""


class Environment:
    """An environment, made of links to the packages of this one.

    Args:
        prefix: Its folder.
        langbot: Whether it has LangBot.
    """

    def __init__(self, prefix: Path, *, langbot: bool = True) -> None:
        self.prefix = prefix
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
        (self.site,) = prefix.glob("lib/python*/site-packages")
        for package in REAL.iterdir():
            if NOT_SHARED.fullmatch(package.name):
                continue
            if langbot or not LANGBOT.fullmatch(package.name):
                (self.site / package.name).symlink_to(package)
        for name in ("langbot", "langbot-state"):
            code = (bin_folder() / name).read_text("utf-8").partition("\n")[2]
            (self.bin / name).write_text(f"#!{self.python}\n{code}", "utf-8")
            (self.bin / name).chmod(0o755)

    @property
    def bin(self) -> Path:
        return self.prefix / "bin"

    @property
    def python(self) -> Path:
        return self.bin / "python"

    @property
    def hook(self) -> list[Path]:
        """The files of the start-up hook that are there."""
        return sorted(self.site.rglob("*langbot_state_ext_startup*"))

    def add_version(self, version: str, *, folder: Path | None = None) -> None:
        """Add what tells of a version of the extension."""
        info = (folder or self.site) / f"langbot_state_ext-{version}.dist-info"
        info.mkdir()
        text = f"Metadata-Version: 2.1\nName: langbot-state-ext\nVersion: {version}\n"
        (info / "METADATA").write_text(text, "utf-8")

    def run(
        self, *argv: str | Path, cwd: Path, prefix: Sequence[str] = (), **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of this environment."""
        return subprocess.run(
            [*prefix, self.bin / argv[0], *argv[1:]],
            cwd=cwd,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **env},
            capture_output=True,
            text=True,
            check=False,
        )

    def state(
        self, *words: str, cwd: Path, prefix: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run `langbot-state`."""
        done = self.run("langbot-state", *words, cwd=cwd, prefix=prefix)
        assert "Traceback" not in done.stderr, done.stderr
        return done
