"""A plugin's own modules, for imports such as `from pkg import ...` in its runner."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType


class PluginModules:
    """Makes a plugin's modules importable while the plugin runs, and only then.

    In LangBot each plugin has its own process, with the plugin's folder first on `sys.path`. In
    tests they share one process, where two plugins may have modules with the same name.

    Args:
        root: The plugin's folder; None for a runner that is already imported.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root
        self._names = _names_in(root) if root else set()
        self._modules: dict[str, ModuleType] = {}

    @contextmanager
    def importable(self) -> Iterator[None]:
        """Replace other modules with the plugin's modules of the same name."""
        if self._root is None:
            yield
            return
        others = _pop_modules(self._names)
        sys.modules.update(self._modules)
        sys.path.insert(0, str(self._root))
        try:
            yield
        finally:
            sys.path.remove(str(self._root))
            self._modules = _pop_modules(self._names)
            sys.modules.update(others)


def _names_in(root: Path) -> set[str]:
    """Return the names of the modules in a folder, except those already imported from it."""
    paths = [path for path in root.iterdir() if path.suffix == ".py" or path.is_dir()]
    return {path.stem for path in paths if not _is_imported(path)}


def _is_imported(path: Path) -> bool:
    module = sys.modules.get(path.stem)
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    return any(Path(place).is_relative_to(path) for place in places if place)


def _pop_modules(names: Collection[str]) -> dict[str, ModuleType]:
    found = [name for name in sys.modules if name.partition(".")[0] in names]
    return {name: sys.modules.pop(name) for name in found}
