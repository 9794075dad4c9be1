"""Chooses a backend by the scheme of a url, and checks a url before a store is opened with it."""

from __future__ import annotations

from ..errors import ConfigError, MissingExtra
from .base import Backend
from .urls import sqlite_file

SCHEMES = ("memory", "sqlite", "postgresql", "redis", "rediss", "valkey")


def open_backend(url: str, *, blocking: bool = False) -> Backend:
    """Make the backend that a url names; `Backend.open` opens it.

    Args:
        url: `memory://`; `sqlite:///relative/path` (four slashes for an absolute one);
            `postgresql://…`, also written `postgres://…`; `redis://…`, `rediss://…` (over TLS) or
            `valkey://…`. See the `from_url` of each backend for its parameters.
        blocking: Whether the caller has no event loop, so that SQLite waits in the caller, not in
            a thread. Default False.

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


def check_url(url: str) -> None:
    """Say what is wrong with a url, as far as can be known without opening the store.

    Args:
        url: A url as `complete_url` returns it.

    Raises:
        ConfigError: As `open_backend`, or the file or its folder can't be written.
    """
    open_backend(url)
    file = sqlite_file(url)
    if file is not None:
        from .sqlite.file import check_writable

        check_writable(file)


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
