"""`sqlite:///path`: durable state in one file, the default. WAL, standard library.

Calls take tens of microseconds and run in the caller, so that no thread is changed for them.
Whatever may wait does so in one worker thread with a connection of its own: a lock that another
process holds, a checkpoint, and, with `synchronous=full`, every commit.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import BackendError, BackendUnavailable, ConfigError
from ..scopes import ScopeKey
from . import sqlite_overview
from . import sqlite_sql as sql
from .base import Backend, Change, Entry, ScopeFilter, ScopePage
from .overview import Overview
from .sqlite_schema import inspect, migrate

T = TypeVar("T")
Synchronous = Literal["normal", "full"]

LOGGER = logging.getLogger("langbot_state_ext")

LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
PAGE_BYTES = 4096
CHECKPOINT_BYTES = 4 * 1024 * 1024
"""After this much writing the log is carried over into the file, in the worker thread."""


class SqliteBackend(Backend):
    """Keeps entries in a SQLite file.

    Args:
        path: The file; made when it does not exist. Its folder must exist.
        synchronous: `normal` (default) survives the death of the process and never corrupts;
            `full` also survives the loss of power with every commit.
        wait_s: How long to wait for a lock that another process holds, 0 and more. Default 5.
        blocking: Whether the caller has no event loop, so that waiting happens in the caller.
        clock: Seconds since 1970. Default `time.time`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        synchronous: Synchronous = "normal",
        wait_s: float = 5.0,
        blocking: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path)
        self._synchronous = synchronous
        self._wait_s = wait_s
        self._blocking = blocking
        self._clock = clock
        self._direct: sqlite3.Connection | None = None
        self._waiting: sqlite3.Connection | None = None
        self._worker: ThreadPoolExecutor | None = None
        self._since_checkpoint = 0

    @classmethod
    def from_url(cls, url: str, *, blocking: bool = False) -> SqliteBackend:
        """Read a url.

        Args:
            url: `sqlite:///relative/path` or `sqlite:////absolute/path`, then optionally
                `?synchronous=normal|full` and `&wait_s=SECONDS`.
            blocking: As for the class.

        Raises:
            ConfigError: The url names no file, or a parameter is unknown or out of range.
        """
        parts = urlsplit(url)
        path = unquote(parts.path[1:])
        if parts.netloc or not path or "\0" in path:
            raise ConfigError("a sqlite url has three slashes and a file: sqlite:///data/state.db")
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        synchronous = given.pop("synchronous", "normal")
        if synchronous not in get_args(Synchronous):
            raise ConfigError(f"synchronous={synchronous} in the url: use normal or full")
        wait_s = _seconds(given.pop("wait_s", "5"))
        if given:
            raise ConfigError(
                f"unknown parameter {', '.join(sorted(given))} in the sqlite url: "
                "use synchronous, wait_s"
            )
        return cls(path, synchronous=synchronous, wait_s=wait_s, blocking=blocking)  # type: ignore[arg-type]

    async def open(self) -> None:
        """Open the file, see `Backend.open`."""
        if self._direct is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="state-sqlite")
            await self._offload(self._connect)

    async def load(self, keys: Sequence[ScopeKey]) -> list[dict[str, bytes]]:
        """Read the values of whole scopes, see `Backend.load`."""
        return await self._quick(sql.load, keys, self._clock())

    async def get(self, scope: ScopeKey, key: str) -> Entry | None:
        """Read one entry, see `Backend.get`."""
        return await self._quick(sql.get, scope, key, self._clock())

    async def entries(self, scope: ScopeKey) -> dict[str, Entry]:
        """Read a whole scope, see `Backend.entries`."""
        return await self._quick(sql.entries, scope, self._clock())

    async def commit(self, changes: Sequence[Change]) -> None:
        """Write all or none, see `Backend.commit`."""
        run = self._slow if self._synchronous == "full" else self._quick
        await run(sql.commit, changes, self._clock())
        for change in changes:
            self._since_checkpoint += PAGE_BYTES + len(change.value or b"")
        if self._since_checkpoint > CHECKPOINT_BYTES and self._worker and not self._blocking:
            self._since_checkpoint = 0
            self._worker.submit(self._checkpoint)

    async def list(self, scope: ScopeKey, prefix: str, limit: int) -> list[str]:
        """Name the keys of a scope, see `Backend.list`."""
        return await self._quick(sql.list_keys, scope, prefix, limit, self._clock())

    async def scopes(self, which: ScopeFilter, cursor: str | None, limit: int) -> ScopePage:
        """Page through the scopes, see `Backend.scopes`."""
        return await self._slow(sql.scopes, which, cursor, limit, self._clock())

    async def overview(
        self, without: ScopeFilter, *, since: float, newest: int, parts: Sequence[str]
    ) -> Overview:
        """Say what the store holds, see `Backend.overview`."""
        return await self._slow(
            sqlite_overview.overview, without, since, newest, parts, self._clock()
        )

    async def clear(self, which: ScopeFilter) -> int:
        """Delete every entry of the matching scopes, see `Backend.clear`."""
        return await self._slow(sql.clear, which, self._clock())

    async def close(self) -> None:
        """Close the file after what is under way, see `Backend.close`."""
        if self._direct is not None:
            await self._offload(self._disconnect)
        if self._worker is not None:
            self._worker.shutdown()

    async def _quick(self, work: Callable[..., T], *args: Any) -> T:
        """Run in the caller; in the worker when the file is locked at this moment."""
        if self._direct is None:
            raise BackendError(f"{self.path} is not open")
        try:
            return work(self._direct, *args)
        except sqlite3.Error as error:
            if _code(error) not in LOCKED:
                raise self._backend_error(error) from error
        return await self._slow(work, *args)

    async def _slow(self, work: Callable[..., T], *args: Any) -> T:
        """Run in the worker, which may wait."""
        if self._waiting is None:
            raise BackendError(f"{self.path} is not open")
        try:
            return await self._offload(partial(work, self._waiting, *args))
        except sqlite3.Error as error:
            raise self._backend_error(error) from error

    async def _offload(self, work: Callable[[], T]) -> T:
        if self._blocking:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def _connect(self) -> None:
        inspect(self.path)
        try:
            self._waiting = self._connection(self._wait_s)
            migrate(self._waiting, self.path)
            sql.purge_expired(self._waiting, self._clock())
            self._direct = self._waiting if self._blocking else self._connection(0)
        except sqlite3.Error as error:
            raise self._backend_error(error) from error
        if not self._blocking:
            self._direct.execute("PRAGMA wal_autocheckpoint = 0")

    def _connection(self, wait_s: float) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path, timeout=wait_s, isolation_level=None, check_same_thread=False
        )
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {self._synchronous}")
        return db

    def _disconnect(self) -> None:
        for db in (self._direct, self._waiting):
            if db is not None:
                db.close()
        self._direct = self._waiting = None

    def _checkpoint(self) -> None:
        if self._waiting is None:
            return
        try:
            sql.purge_expired(self._waiting, self._clock())
            self._waiting.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            LOGGER.warning("%s: the log is not carried over: %s", self.path, error)

    def _backend_error(self, error: sqlite3.Error) -> BackendError:
        code = _code(error)
        if code in LOCKED:
            return BackendUnavailable(
                f"{self.path} is locked by another process; waited {self._wait_s:g} s"
            )
        if code == sqlite3.SQLITE_FULL:
            return BackendUnavailable(f"no room on the disk of {self.path}: nothing was written")
        return BackendError(f"{self.path}: {error}")


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:  # noqa: PLR2004 - an hour
        raise ConfigError(f"wait_s={text} in the url: use seconds from 0 to 3600")
    return seconds
