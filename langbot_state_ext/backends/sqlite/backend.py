"""`sqlite:///path`: durable state in one file, the default. WAL, standard library.

A call of a run takes tens of microseconds, and runs in the caller. A thread with a connection of
its own runs each call that may wait: for a lock of another process, for a checkpoint, and, with
`synchronous=full`, every commit. A second thread reads for people's tools, since writes may wait
long.
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
from ..base import Backend
from ..data import ALL_SCOPES, Change, Entry, ScopeFilter, ScopePage
from ..overview import Overview
from ..urls import Synchronous, read_sqlite_url
from . import statements
from .file import check_content
from .overview import overview
from .schema import migrate
from .thread import ConnectionThread

T = TypeVar("T")

LOGGER = logging.getLogger("langbot_state_ext")

LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
PAGE_BYTES = 4096
CHECKPOINT_BYTES = 4 * 1024 * 1024
"""After this much writing a checkpoint moves the `-wal` into the file, in the writer thread."""


class SqliteBackend(Backend):
    """Keeps entries in a SQLite file.

    Args:
        path: The file; made when it does not exist. Its folder must exist.
        synchronous: `normal` (default) survives the death of the process and never corrupts;
            `full` also survives the loss of power with every commit.
        wait_s: How long a call waits for a lock of another process, in seconds, 0 and more.
            Default 5.
        blocking: Whether the caller has no event loop, so that all calls run in the caller.
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
        self._db: sqlite3.Connection | None = None
        self._writer = self._reader = ConnectionThread("closed", wait_s, blocking=True)
        self._since_checkpoint = 0

    @classmethod
    def from_url(cls, url: str, *, blocking: bool = False) -> SqliteBackend:
        """Make a backend from a url.

        Args:
            url: See `read_sqlite_url`.
            blocking: As for the class.

        Raises:
            ConfigError: The url names no file, or a parameter is unknown or out of range.
        """
        given = read_sqlite_url(url)
        return cls(
            given.path, synchronous=given.synchronous, wait_s=given.wait_s, blocking=blocking
        )

    async def open(self) -> None:
        """Open the file, see `Backend.open`."""
        if self._db is not None:
            return
        self._writer, self._reader = (
            ConnectionThread(f"state-sqlite-{name}", self._wait_s, blocking=self._blocking)
            for name in ("writer", "reader")
        )
        try:
            await self._writer.call(self._connect)
        except BaseException:
            await self.close()
            raise

    async def load(self, keys: Sequence[ScopeKey]) -> list[dict[str, bytes]]:
        """Read the values of whole scopes, see `Backend.load`."""
        return await self._run_here(self._reader, statements.load, keys, self._clock())

    async def get(self, scope: ScopeKey, key: str) -> Entry | None:
        """Read one entry, see `Backend.get`."""
        return await self._run_here(self._reader, statements.get, scope, key, self._clock())

    async def entries(self, scope: ScopeKey) -> dict[str, Entry]:
        """Read a whole scope, see `Backend.entries`."""
        return await self._run_here(self._reader, statements.entries, scope, self._clock())

    async def commit(self, changes: Sequence[Change]) -> None:
        """Write all or none, see `Backend.commit`."""
        run = self._run_in_thread if self._synchronous == "full" else self._run_here
        await run(self._writer, statements.commit, changes, self._clock())
        for change in changes:
            self._since_checkpoint += PAGE_BYTES + len(change.value or b"")
        if self._since_checkpoint > CHECKPOINT_BYTES:
            self._since_checkpoint = 0
            self._writer.submit(self._checkpoint)

    async def list(self, scope: ScopeKey, prefix: str, limit: int) -> list[str]:
        """Name the keys of a scope, see `Backend.list`."""
        return await self._run_here(
            self._reader, statements.list_keys, scope, prefix, limit, self._clock()
        )

    async def scopes(self, which: ScopeFilter, cursor: str | None, limit: int) -> ScopePage:
        """Page through the scopes, see `Backend.scopes`."""
        return await self._run_in_thread(
            self._reader, statements.scopes, which, cursor, limit, self._clock()
        )

    async def overview(
        self,
        without: ScopeFilter,
        *,
        since: float,
        newest: int,
        parts: Sequence[str],
        include: ScopeFilter = ALL_SCOPES,
    ) -> Overview:
        """Count what the store holds, see `Backend.overview`."""
        return await self._run_in_thread(
            self._reader, overview, without, include, since, newest, parts, self._clock()
        )

    async def clear(self, which: ScopeFilter) -> int:
        """Delete every entry of the matching scopes, see `Backend.clear`."""
        return await self._run_in_thread(self._writer, statements.clear, which, self._clock())

    async def close(self) -> None:
        """Close the file after the calls under way, see `Backend.close`."""
        await self._writer.drain()
        if self._db is not None:
            self._db.close()
            self._db = None
        await self._reader.close()
        await self._writer.close()

    async def _run_here(self, thread: ConnectionThread, work: Callable[..., T], *args: Any) -> T:
        """Run in the caller, or in a thread when the file is locked at this moment."""
        if self._db is None:
            raise BackendError(f"{self.path} is not open")
        try:
            return work(self._db, *args)
        except sqlite3.Error as error:
            if _code(error) not in LOCKED:
                raise self._backend_error(error) from error
        return await self._run_in_thread(thread, work, *args)

    async def _run_in_thread(
        self, thread: ConnectionThread, work: Callable[..., T], *args: Any
    ) -> T:
        """Run in a thread, which may wait."""
        if self._db is None:
            raise BackendError(f"{self.path} is not open")
        try:
            return await thread.run(lambda db: work(db, *args))
        except sqlite3.Error as error:
            raise self._backend_error(error) from error

    def _connect(self) -> None:
        check_content(self.path)
        try:
            self._writer.db = db = self._connection()
            migrate(db, self.path)
            statements.purge_expired(db, self._clock())
            self._reader.db = self._connection()
            self._db = self._connection()
            self._db.execute("PRAGMA busy_timeout = 0")
            if not self._blocking:
                self._db.execute("PRAGMA wal_autocheckpoint = 0")
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
            statements.purge_expired(db, self._clock())
            db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            LOGGER.warning("%s: WAL checkpoint failed: %s", self.path, error)

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
