"""The supported versions of LangBot."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

from ..errors import HostNotSupported

SUPPORTED = ("4.11.0", "4.11.1", "4.11.2")
"""The versions whose patched places are known and tested."""


def host_version() -> str:
    """Return the version of the LangBot that is installed in this environment.

    Raises:
        HostNotSupported: LangBot is not installed.
    """
    try:
        return version("langbot")
    except PackageNotFoundError:
        raise HostNotSupported(
            f"LangBot is not installed in {sys.prefix}: run langbot-state of the environment that "
            "LangBot starts in, or install LangBot here with: pip install 'langbot-state-ext[host]'"
        ) from None


def check_version() -> str:
    """Return the installed version of LangBot, after checking that it is supported.

    Raises:
        HostNotSupported: It is not; the message lists the supported versions.
    """
    found = host_version()
    if found not in SUPPORTED:
        raise HostNotSupported(f"LangBot {found} is not supported; use {', '.join(SUPPORTED)}")
    return found
