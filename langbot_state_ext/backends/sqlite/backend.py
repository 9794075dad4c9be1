"""`sqlite:///path`: durable state in one file, the default. WAL, standard library.

Calls take tens of microseconds and run in the caller, so that no thread is changed for them.
Whatever may wait does so in a thread with a connection of its own: for a lock that another process
holds, for a checkpoint, and, with `synchronous=full`, every commit. What people ask for is read in
a second such thread, since writes may wait for long.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ...errors import BackendError, BackendUnavailable
from ...state.scopes import ScopeKey
from ..base import Backend, Change, Entry, ScopeFilter, ScopePage
from ..overview import Overview
from . import overview as sqlite_overview
from . import statements as sql
from .schema import inspect, migrate
from .thread import Lane
from .url import Synchronous, read_url

T = TypeVar("T")

LOGGER = logging.getLogger("langbot_state_ext")

LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
PAGE_BYTES = 4096
CHECKPOINT_BYTES = 4 * 1024 * 1024
"""After this much writing the log is carried over into the file, in the thread for writing."""


class SqliteBackend(Backend):
    """Keeps entries in a SQLite file.

    Args:
        path: The file; made when it does not exist. Its folder must exist.
        synchronous: `normal` (default) survives the death of the process and never corrupts;
            `full` also survives the loss of power with every commit.
        wait_s: How long a call waits for a lock that another process holds, from the moment it
            was made, 0 and more. Default 5.
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
        self._writes = self._reads = Lane("closed", wait_s, blocking=True)
        self._since_checkpoint = 0

    @classmethod
    def from_url(cls, url: str, *, blocking: bool = False) -> SqliteBackend:
        """Read a url, see `read_url`.

        Args:
            url: `sqlite:///relative/path` or `sqlite:////absolute/path`, then optionally
                `?synchronous=normal|full` and `&wait_s=SECONDS`.
            blocking: As for the class.

        Raises:
            ConfigError: The url names no file, or a parameter is unknown or out of range.
        """
        given = read_url(url)
        return cls(
            given.path, synchronous=given.synchronous, wait_s=given.wait_s, blocking=blocking
        )

    async def open(self) -> None:
        """Open the file, see `Backend.open`."""
        if self._direct is not None:
            return
        self._writes, self._reads = (
            Lane(f"state-sqlite-{name}", self._wait_s, blocking=self._blocking)
            for name in ("writes", "reads")
        )
        try:
            await self._writes.call(self._connect)
        except BaseException:
            await self.close()
            raise

    async def load(self, keys: Sequence[ScopeKey]) -> list[dict[str, bytes]]:
        """Read the values of whole scopes, see `Backend.load`."""
        return await self._quick(self._reads, sql.load, keys, self._clock())

    async def get(self, scope: ScopeKey, key: str) -> Entry | None:
        """Read one entry, see `Backend.get`."""
        return await self._quick(self._reads, sql.get, scope, key, self._clock())

    async def entries(self, scope: ScopeKey) -> dict[str, Entry]:
        """Read a whole scope, see `Backend.entries`."""
        return await self._quick(self._reads, sql.entries, scope, self._clock())

    async def commit(self, changes: Sequence[Change]) -> None:
        """Write all or none, see `Backend.commit`."""
        run = self._slow if self._synchronous == "full" else self._quick
        await run(self._writes, sql.commit, changes, self._clock())
        for change in changes:
            self._since_checkpoint += PAGE_BYTES + len(change.value or b"")
        if self._since_checkpoint > CHECKPOINT_BYTES:
            self._since_checkpoint = 0
            self._writes.later(self._checkpoint)

    async def list(self, scope: ScopeKey, prefix: str, limit: int) -> list[str]:
        """Name the keys of a scope, see `Backend.list`."""
        return await self._quick(self._reads, sql.list_keys, scope, prefix, limit, self._clock())

    async def scopes(self, which: ScopeFilter, cursor: str | None, limit: int) -> ScopePage:
        """Page through the scopes, see `Backend.scopes`."""
        return await self._slow(self._reads, sql.scopes, which, cursor, limit, self._clock())

    async def overview(
        self, without: ScopeFilter, *, since: float, newest: int, parts: Sequence[str]
    ) -> Overview:
        """Say what the store holds, see `Backend.overview`."""
        return await self._slow(
            self._reads, sqlite_overview.overview, without, since, newest, parts, self._clock()
        )

    async def clear(self, which: ScopeFilter) -> int:
        """Delete every entry of the matching scopes, see `Backend.clear`."""
        return await self._slow(self._writes, sql.clear, which, self._clock())

    async def close(self) -> None:
        """Close the file after what is under way, see `Backend.close`."""
        await self._writes.idle()
        if self._direct is not None:
            self._direct.close()
            self._direct = None
        await self._reads.close()
        await self._writes.close()

    async def _quick(self, lane: Lane, work: Callable[..., T], *args: Any) -> T:
        """Run in the caller; in a lane when the file is locked at this moment."""
        if self._direct is None:
            raise BackendError(f"{self.path} is not open")
        try:
            return work(self._direct, *args)
        except sqlite3.Error as error:
            if _code(error) not in LOCKED:
                raise self._backend_error(error) from error
        return await self._slow(lane, work, *args)

    async def _slow(self, lane: Lane, work: Callable[..., T], *args: Any) -> T:
        """Run in a lane, which may wait."""
        if self._direct is None:
            raise BackendError(f"{self.path} is not open")
        try:
            return await lane.run(lambda db: work(db, *args))
        except sqlite3.Error as error:
            raise self._backend_error(error) from error

    def _connect(self) -> None:
        inspect(self.path)
        try:
            self._writes.db = db = self._connection()
            migrate(db, self.path)
            sql.purge_expired(db, self._clock())
            self._reads.db = self._connection()
            self._direct = self._connection()
            self._direct.execute("PRAGMA busy_timeout = 0")
            if not self._blocking:
                self._direct.execute("PRAGMA wal_autocheckpoint = 0")
        except sqlite3.Error as error:
            raise self._backend_error(error) from error

    def _connection(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path, timeout=self._wait_s, isolation_level=None, check_same_thread=False
        )
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA synchronous = {self._synchronous}")
        except BaseException:
            db.close()
            raise
        return db

    def _checkpoint(self, db: sqlite3.Connection) -> None:
        try:
            sql.purge_expired(db, self._clock())
            db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
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
