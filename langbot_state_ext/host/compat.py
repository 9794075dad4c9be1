"""Which LangBots are supported."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from ..errors import HostNotSupported

SUPPORTED = ("4.11.0", "4.11.1", "4.11.2")
"""The versions of LangBot whose seams are known and tested."""


def host_version() -> str:
    """Return the version of the LangBot in this environment.

    Raises:
        HostNotSupported: There is none.
    """
    try:
        return version("langbot")
    except PackageNotFoundError:
        raise HostNotSupported(
            "LangBot is not installed here; install it with: pip install 'langbot-state-ext[host]'"
        ) from None


def check_version() -> str:
    """Return the version of LangBot when it is a supported one.

    Raises:
        HostNotSupported: It is not; the message names it and those that are.
    """
    found = host_version()
    if found not in SUPPORTED:
        raise HostNotSupported(f"LangBot {found} is not supported; use {', '.join(SUPPORTED)}")
    return found
