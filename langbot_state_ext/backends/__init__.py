"""The stores behind the state, chosen by the scheme of a url."""

from __future__ import annotations

from ..errors import ConfigError, MissingExtra
from .base import ANY_VERSION, Backend, Change, Entry, ScopeFilter, ScopePage, StoredScope
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

SCHEMES = ("memory", "sqlite", "postgresql", "redis", "rediss", "valkey")


def open_backend(url: str, *, blocking: bool = False) -> Backend:
    """Choose a backend by its url; opening it is the backend's `open()`.

    Args:
        url: `memory://`; `sqlite:///relative/path` (four slashes for an absolute one);
            `postgresql://…`, also written `postgres://…`; `redis://…`, `rediss://…` (over TLS) or
            `valkey://…`. See the `from_url` of each backend for its parameters.
        blocking: Whether the caller has no event loop: what SQLite would wait for in a thread
            it waits for in the caller. Default False.

    Returns:
        The backend, not opened yet.

    Raises:
        ConfigError: The url has an unknown scheme or parameter; the message never holds a
            password.
        MissingExtra: The backend's driver is not installed.
    """
    scheme = url.partition("://")[0] if "://" in url else ""
    if scheme == "memory":
        from .memory import MemoryBackend

        return MemoryBackend()
    if scheme == "sqlite":
        from .sqlite.backend import SqliteBackend

        return SqliteBackend.from_url(url, blocking=blocking)
    if scheme in {"postgresql", "postgres"}:
        return _postgres(url)
    if scheme in SCHEMES:
        return _redis(url)
    allowed = ", ".join(f"{name}://" for name in SCHEMES)
    raise ConfigError(f"unknown scheme {scheme or 'in the url'}: use {allowed}")


def _postgres(url: str) -> Backend:
    try:
        from .postgres.backend import PostgresBackend
    except ImportError:
        raise MissingExtra("psycopg", "postgres") from None
    return PostgresBackend.from_url(url)


def _redis(url: str) -> Backend:
    try:
        from .redis.backend import RedisBackend
    except ImportError:
        raise MissingExtra("redis", "redis") from None
    return RedisBackend.from_url(url)
