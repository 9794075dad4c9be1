"""A thread with a SQLite connection of its own, so that waiting for a lock stalls no event loop."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

T = TypeVar("T")


class ConnectionThread:
    """Runs calls one after the other.

    Args:
        name: The thread's name.
        wait_s: How long a call may wait for a lock, and for the calls before it, in seconds, 0
            and more.
        blocking: Whether there is no thread, so that calls run in the caller.

    Attributes:
        db: The connection; None while it is not open.
    """

    def __init__(self, name: str, wait_s: float, *, blocking: bool) -> None:
        self.db: sqlite3.Connection | None = None
        self._wait_s = wait_s
        self._thread = None if blocking else ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a call that may wait for a lock.

        Raises:
            sqlite3.Error: What the call raises; `SQLITE_BUSY` when the time is over.
        """
        return await self.call(self._timed(work))

    async def call(self, work: Callable[[], T]) -> T:
        """Run a call that needs no connection, after the calls before it."""
        if self._thread is None:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def submit(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Run a call in the background; where there is no thread, do nothing."""
        if self._thread is not None:
            self._thread.submit(self._timed(work))

    async def drain(self) -> None:
        """Wait until all calls have ended."""
        await self.call(lambda: None)

    async def close(self) -> None:
        """Close the connection after the calls under way, and end the thread; again, do nothing."""
        await self.call(self._disconnect)
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    def _timed(self, work: Callable[[sqlite3.Connection], T]) -> Callable[[], T]:
        return partial(self._run, time.monotonic() + self._wait_s, work)

    def _run(self, end: float, work: Callable[[sqlite3.Connection], T]) -> T:
        if self.db is None:
            raise sqlite3.ProgrammingError("the connection is closed")
        left_s = max(0.0, end - time.monotonic())
        self.db.execute(f"PRAGMA busy_timeout = {round(left_s * 1000)}")
        return work(self.db)

    def _disconnect(self) -> None:
        if self.db is not None:
            self.db.close()
            self.db = None
