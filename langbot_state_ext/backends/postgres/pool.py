"""Connections to PostgreSQL: taken from psycopg's pool, bounded in time, and errors of ours.

No call waits longer than `wait_s` for a connection and `wait_s` for its answer; with several hosts
each may take 2 s at least. The server ends a statement that takes as long; a connection whose
server has fallen silent is dropped. Where the pool has none that works, a call connects for itself:
it goes on as soon as a host can be reached, and says why where none can.
"""

from __future__ import annotations

import asyncio
import logging
import math
import select
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import ReadOnlySqlTransaction
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from ...errors import BackendError, BackendUnavailable, ConfigError, StateError
from ..urls import NetworkUrl
from .errors import RETRIED, call_error, opening_error
from .schema import CONFLICT

T = TypeVar("T")

LEAST_CONNECT_S = 2
"""The least that psycopg waits for one host."""

DRIVER_PARAMETERS = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
"""What libpq takes in a url."""

_SESSION = """SELECT set_config('statement_timeout', %(wait_ms)s, false),
    set_config('default_transaction_isolation', 'read committed', false),
    CASE WHEN current_setting('synchronous_commit') = 'off'
        THEN set_config('synchronous_commit', 'on', false) END"""
"""What our promises need of a session, whatever the database's own defaults are."""


class Connection(AsyncConnection[Any]):
    """A connection that is dropped, not waited for, when a call on it is given up."""

    async def cancel_safe(self, *, timeout: float = 30.0) -> None:  # noqa: ARG002, ASYNC109 - psycopg's own
        """Drop the connection: psycopg asks the server to cancel, which may never answer."""
        self.pgconn.finish()

    def is_stale(self) -> bool:
        """Return whether the server has closed it, or said something unasked, since its use."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return bool(poll.poll(0))


_OURS = ContextVar("_OURS", default=False)


def _is_news(record: logging.LogRecord) -> bool:
    """Keep psycopg from warning of what our errors say."""
    return record.levelno != logging.WARNING or not _OURS.get()


for _name in ("psycopg", "psycopg.pool"):
    logging.getLogger(_name).addFilter(_is_news)


@contextmanager
def _ours() -> Iterator[None]:
    """Mark what psycopg does here, and in the tasks that begin here, as done for us."""
    token = _OURS.set(True)
    try:
        yield
    finally:
        _OURS.reset(token)


class Connections:
    """Connections to one database.

    Args:
        url: Which one.

    Attributes:
        where: Host and database, for people.

    Raises:
        ConfigError: libpq can't read the url.
    """

    def __init__(self, url: NetworkUrl) -> None:
        self._url = url
        self._conninfo, places, database = _connection_info(url)
        self.where = f"{','.join(places)}/{database}"
        self._connect_s = max(url.wait_s, LEAST_CONNECT_S * len(places) if places[1:] else 0)
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._waiting = set[asyncio.Timeout]()

    async def open(self, prepare: Callable[[Connection], Awaitable[None]]) -> None:
        """Connect once and prepare the database, then open the pool. Again it does nothing.

        Raises:
            ConfigError: The server refuses for a reason that the operator has to mend.
            BackendError: The server can't be reached, or `prepare` failed.
        """
        if self._pool is not None:
            return
        try:
            async with await self._connect() as connection, asyncio.timeout(self._url.wait_s):
                await prepare(connection)
        except StateError:
            raise
        except (psycopg.Error, OSError) as error:
            raise opening_error(error, self._url, self.where) from error
        pool = AsyncConnectionPool(
            self._conninfo,
            connection_class=Connection,
            kwargs={"autocommit": True},
            configure=self._configure,
            min_size=1,
            max_size=self._url.pool_size,
            timeout=self._connect_s,
            reconnect_timeout=0.0,
            reconnect_failed=self._wait_no_longer,
            open=False,
        )
        with _ours():
            await pool.open()
        self._pool = pool

    async def close(self) -> None:
        """Close every connection. Calling it again does nothing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Work with a connection, again when the server took it back and asks for that.

        Args:
            work: One statement, or one transaction.

        Returns:
            What `work` returned.

        Raises:
            BackendError: The database failed.
            psycopg.DatabaseError: `commit_changes` has reported a conflict.
        """
        try:
            with _ours():
                return await self._repeat(work)
        except (psycopg.Error, OSError) as error:
            if isinstance(error, psycopg.Error) and error.sqlstate == CONFLICT:
                raise
            raise call_error(error, self._url, self.where) from error

    async def _repeat(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Work, again for up to `wait_s` while the server takes it back."""
        give_up_at = time.monotonic() + self._url.wait_s
        while True:
            try:
                return await self._once(work)
            except RETRIED:
                if time.monotonic() >= give_up_at:
                    raise

    async def _once(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._borrow() as connection:
            limit = asyncio.timeout(self._url.wait_s)
            try:
                async with limit:
                    return await work(connection)
            except psycopg.OperationalError as error:
                if limit.expired():
                    raise TimeoutError from error
                raise

    @asynccontextmanager
    async def _borrow(self) -> AsyncIterator[Connection]:
        pool = self._opened()
        pooled = await self._take(pool)
        connection = pooled or await self._connect()
        try:
            yield connection
        except ReadOnlySqlTransaction:
            await connection.close()  # the next may find the new primary
            raise
        finally:
            if pooled:
                await pool.putconn(connection)
            else:
                await connection.close()
                await _revive(pool)

    async def _take(self, pool: AsyncConnectionPool[Connection]) -> Connection | None:
        """Take a connection from the pool; None when it has none that works."""
        if not pool.get_stats()["pool_size"]:
            return None
        try:
            connection = await self._wait(pool)
        except PoolTimeout:
            if pool.get_stats()["pool_size"] == self._url.pool_size:
                await self._refuse()
            return None
        if connection is None or not connection.is_stale():
            return connection
        await connection.close()
        await pool.putconn(connection)
        return None

    async def _wait(self, pool: AsyncConnectionPool[Connection]) -> Connection | None:
        """Wait for the pool; None as soon as it could not connect, since it does not say so."""
        waiting = asyncio.timeout(None)
        try:
            async with waiting:
                self._waiting.add(waiting)
                return await pool.getconn()
        except TimeoutError:
            return None
        finally:
            self._waiting.discard(waiting)

    def _wait_no_longer(self, _pool: object) -> None:
        waiting, self._waiting = self._waiting, set()
        for each in waiting:
            each.reschedule(0)

    async def _refuse(self) -> None:
        """Say that the pool is too small, or why the server keeps it waiting."""
        async with await self._connect():
            raise BackendUnavailable(
                f"PostgreSQL at {self.where}: all {self._url.pool_size} connections were in "
                f"use for {self._connect_s:g} s: raise pool_size in the url"
            )

    async def _connect(self) -> Connection:
        """Connect by ourselves, since the pool does not say why it can't."""
        async with asyncio.timeout(self._connect_s):
            connection = await Connection.connect(self._conninfo, autocommit=True)
            try:
                await self._configure(connection)
            except BaseException:
                await connection.close()
                raise
        return connection

    async def _configure(self, connection: Connection) -> None:
        wait_ms = str(math.ceil(self._url.wait_s * 900))  # sooner than we do: then it says so
        await connection.execute(_SESSION, {"wait_ms": wait_ms})

    def _opened(self) -> AsyncConnectionPool[Connection]:
        if self._pool is None:
            raise BackendError(f"PostgreSQL at {self.where} is not open")
        return self._pool


async def _revive(pool: AsyncConnectionPool[Connection]) -> None:
    """Let an empty pool connect again, now that the server can be reached."""
    if not pool.closed and not pool.get_stats()["pool_size"]:
        await pool.check()


def _connection_info(url: NetworkUrl) -> tuple[str, list[str], str]:
    """Return what libpq takes, and for people each host with its port, and the database."""
    try:
        info: dict[str, Any] = dict(conninfo_to_dict(url.driver_url))
    except psycopg.ProgrammingError as error:
        text = url.without_secrets(str(error))
        raise ConfigError(f"the postgresql url can't be read: {text}") from None
    ports = [port or "5432" for port in str(info.get("port") or "").split(",")]
    if not all(port.isdigit() for port in ports):
        raise ConfigError("the postgresql url can't be read: the port is not a number")
    hosts = str(info.get("host") or info.get("hostaddr") or "localhost").split(",")
    places = [f"{host}:{ports[min(n, len(ports) - 1)]}" for n, host in enumerate(hosts)]
    defaults: dict[str, Any] = {
        "application_name": "langbot-state-ext",
        "connect_timeout": max(LEAST_CONNECT_S, int(url.wait_s / len(places))),
        "tcp_user_timeout": math.ceil(url.wait_s) * 1000,
    }
    return make_conninfo(**defaults | info), places, str(info.get("dbname") or "")
