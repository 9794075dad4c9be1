"""The start-up hook that `langbot-state enable` copies into site-packages.

It runs in every Python process of that environment, so it imports nothing unless the process is
LangBot. It is a module outside the package: in a plugin's process an import of the package would
load the copy in site-packages instead of the plugin's own copy.
"""

import sys

PACKAGE = "langbot_state_ext"


def is_host(argv: list[str]) -> bool:
    """Return whether a command line starts LangBot: `langbot …` or `python -m langbot …`."""
    words = iter(argv[1:])
    for word in words:
        if word == "-m":
            return next(words, "") == "langbot"
        if word in {"-W", "-X"}:
            next(words, "")
        elif word == "-c" or not word.startswith("-"):
            return word.replace("\\", "/").rpartition("/")[2] in {"langbot", "langbot.exe"}
    return False


def install() -> None:
    """Add the extension's boot stage when LangBot imports its boot module."""
    try:
        from wrapt import register_post_import_hook
    except ImportError:
        _left_over()
        return
    register_post_import_hook(_register, "langbot.pkg.core.boot")


def _register(_module: object) -> None:
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


if is_host(sys.orig_argv):
    install()
