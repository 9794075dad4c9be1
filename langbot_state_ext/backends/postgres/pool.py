"""Connections to PostgreSQL, from psycopg's pool.

No call waits longer than `wait_s` for a connection, and `wait_s` for its answer; with several hosts
each may take 2 s at least. The server ends a statement that takes longer. A connection whose server
no longer answers is dropped. When the pool has no working connection, the call connects by itself:
it goes on as soon as a host can be reached, and says why when none can.
"""

from __future__ import annotations

import asyncio
import logging
import math
import selectors
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
from .statements import SQL

T = TypeVar("T")

LEAST_CONNECT_S = 2
"""The least that psycopg waits for one host."""

DRIVER_PARAMETERS = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
"""What libpq takes in a url."""


class Connection(AsyncConnection[Any]):
    """A connection that is dropped when a call on it times out."""

    async def cancel_safe(self, *, timeout: float = 30.0) -> None:  # noqa: ARG002, ASYNC109 - psycopg's own
        """Drop the connection; psycopg would ask the server to cancel, which may never answer."""
        self.pgconn.finish()

    def is_stale(self) -> bool:
        """Return whether the server has closed it, or sent unsolicited data, since its last use."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno(), selectors.EVENT_READ)
            return bool(selector.select(timeout=0))


_SILENT = ContextVar("_SILENT", default=False)


def _is_logged(record: logging.LogRecord) -> bool:
    """Drop psycopg's warnings about faults that our own errors report."""
    return record.levelno != logging.WARNING or not _SILENT.get()


for _name in ("psycopg", "psycopg.pool"):
    logging.getLogger(_name).addFilter(_is_logged)


@contextmanager
def _silent_driver() -> Iterator[None]:
    """Drop psycopg's warnings from this block, and from the tasks that it starts."""
    token = _SILENT.set(True)
    try:
        yield
    finally:
        _SILENT.reset(token)


class Connections:
    """Connections to one database.

    Args:
        url: Which one.

    Attributes:
        where: Host and database, for messages.

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
        """Connect once and prepare the database, then open the pool; again, do nothing.

        Raises:
            ConfigError: The server refuses, and the operator has to change a setting.
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
            reconnect_failed=self._stop_waiting,
            open=False,
        )
        with _silent_driver():
            await pool.open()
        self._pool = pool

    async def close(self) -> None:
        """Close every connection. Calling it again does nothing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run one statement or transaction on a connection, with retries.

        Args:
            work: Runs the statement, or the transaction.

        Returns:
            The result of `work`.

        Raises:
            BackendError: The database failed.
            psycopg.DatabaseError: `commit_changes` has reported a conflict.
        """
        try:
            with _silent_driver():
                return await self._run_with_retries(work)
        except (psycopg.Error, OSError) as error:
            if isinstance(error, psycopg.Error) and error.sqlstate == CONFLICT:
                raise
            raise call_error(error, self._url, self.where) from error

    async def _run_with_retries(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Retry for up to `wait_s` after a deadlock or a failed serialization."""
        give_up_at = time.monotonic() + self._url.wait_s
        while True:
            try:
                return await self._run_once(work)
            except RETRIED:
                if time.monotonic() >= give_up_at:
                    raise

    async def _run_once(self, work: Callable[[Connection], Awaitable[T]]) -> T:
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
            await connection.close()  # a new connection may find the new primary
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
            connection = await self._wait_for_pool(pool)
        except PoolTimeout:
            if pool.get_stats()["pool_size"] == self._url.pool_size:
                await self._report_empty_pool()
            return None
        if connection is None or not connection.is_stale():
            return connection
        await connection.close()
        await pool.putconn(connection)
        return None

    async def _wait_for_pool(self, pool: AsyncConnectionPool[Connection]) -> Connection | None:
        """Wait for a connection from the pool; None as soon as the pool fails to connect."""
        waiting = asyncio.timeout(None)
        try:
            async with waiting:
                self._waiting.add(waiting)
                return await pool.getconn()
        except TimeoutError:
            return None
        finally:
            self._waiting.discard(waiting)

    def _stop_waiting(self, _pool: object) -> None:
        waiting, self._waiting = self._waiting, set()
        for each in waiting:
            each.reschedule(0)

    async def _report_empty_pool(self) -> None:
        """Raise: the pool is too small, or the server can't be reached."""
        async with await self._connect():
            raise BackendUnavailable(
                f"PostgreSQL at {self.where}: all {self._url.pool_size} connections were in "
                f"use for {self._connect_s:g} s: raise pool_size in the url"
            )

    async def _connect(self) -> Connection:
        """Connect without the pool, which does not say why it can't connect."""
        async with asyncio.timeout(self._connect_s):
            connection = await Connection.connect(self._conninfo, autocommit=True)
            try:
                await self._configure(connection)
            except BaseException:
                await connection.close()
                raise
        return connection

    async def _configure(self, connection: Connection) -> None:
        wait_ms = str(math.ceil(self._url.wait_s * 900))  # before our own timeout
        await connection.execute(SQL["session"], {"wait_ms": wait_ms})

    def _opened(self) -> AsyncConnectionPool[Connection]:
        if self._pool is None:
            raise BackendError(f"PostgreSQL at {self.where} is not open")
        return self._pool


async def _revive(pool: AsyncConnectionPool[Connection]) -> None:
    """Let an empty pool connect again, once the server can be reached."""
    if not pool.closed and not pool.get_stats()["pool_size"]:
        await pool.check()


def _connection_info(url: NetworkUrl) -> tuple[str, list[str], str]:
    """Return libpq's connection string, the hosts with their ports, and the database."""
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
