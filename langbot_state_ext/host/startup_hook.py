"""The start-up hook that `langbot-state enable` copies into site-packages.

It runs in every Python process of that environment, so it imports nothing and waits until the
process imports LangBot's boot module, which only LangBot itself does. It is a module outside the
package: in a plugin's process an import of the package would load the copy in site-packages
instead of the plugin's own copy.
"""

import sys

TYPE_CHECKING = False  # typing's own would import typing
if TYPE_CHECKING:
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType

PACKAGE = "langbot_state_ext"
BOOT = "langbot.pkg.core.boot"


def install() -> None:
    """Add the extension's boot stage when LangBot imports its boot module."""
    sys.meta_path.insert(0, BootFinder())


class BootFinder:
    """Finds LangBot's boot module, and adds the extension's stage once that module is loaded."""

    def find_spec(self, name: str, *_place: object) -> "ModuleSpec | None":
        """Return the spec of the boot module; None for any other module."""
        if name != BOOT:
            return None
        from importlib.util import find_spec

        sys.meta_path.remove(self)
        try:
            spec = find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            _register_after(spec.loader)
        return spec


def _register_after(loader: "Loader") -> None:
    load = loader.exec_module

    def exec_module(module: "ModuleType") -> None:
        load(module)
        _register()

    loader.exec_module = exec_module  # type: ignore[method-assign]


def _register() -> None:
    try:
        from langbot_state_ext.host.boot import register
    except ModuleNotFoundError as error:
        if error.name != PACKAGE:
            sys.exit(f"LangBot was not started: langbot-state-ext can't be loaded: {error}")
        _left_over()
        return
    except ImportError as error:
        sys.exit(f"LangBot was not started: langbot-state-ext can't be loaded: {error}")
    register()


def _left_over() -> None:
    message = (
        "langbot-state-ext is not installed any more, but its start-up hook is: delete "
        f"{__file__} and langbot_state_ext_startup.pth beside it"
    )
    print(message, file=sys.stderr)  # noqa: T201 - before any log
