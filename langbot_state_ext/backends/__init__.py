"""The stores behind the state, chosen by the scheme of a url."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..errors import ConfigError
from .base import (
    ANY_VERSION,
    Backend,
    Change,
    Entry,
    ScopeFilter,
    ScopePage,
    StoredScope,
)
from .overview import Day, Overview, Written

__all__ = [
    "ANY_VERSION",
    "Backend",
    "Change",
    "Day",
    "Entry",
    "Overview",
    "ScopeFilter",
    "ScopePage",
    "StoredScope",
    "Written",
    "open_backend",
]

SCHEMES = ("memory", "sqlite")


def open_backend(url: str, *, blocking: bool = False) -> Backend:
    """Choose a backend by its url; opening it is the backend's `open()`.

    Args:
        url: `memory://` or `sqlite:///relative/path` (four slashes for an absolute one), see
            `SqliteBackend.from_url` for its parameters.
        blocking: Whether the caller has no event loop: what would wait in a thread waits in the
            caller. Default False.

    Returns:
        The backend, not opened yet.

    Raises:
        ConfigError: The url has an unknown scheme or parameter; the message never holds a
            password.
        MissingExtra: The backend's driver is not installed.
    """
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        from .memory import MemoryBackend

        return MemoryBackend()
    if scheme == "sqlite":
        from .sqlite import SqliteBackend

        return SqliteBackend.from_url(url, blocking=blocking)
    allowed = ", ".join(f"{name}://" for name in SCHEMES)
    raise ConfigError(f"unknown scheme {scheme + ':' if scheme else 'in the url'}: use {allowed}")
