"""Connections to PostgreSQL: taken from psycopg's pool, bounded in time, and errors of ours.

No call waits longer than `wait_s` for a connection and `wait_s` for its answer. The server ends a
statement that takes as long; a connection whose server has fallen silent is dropped.
"""

from __future__ import annotations

import asyncio
import math
import select
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import ReadOnlySqlTransaction
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from ..errors import BackendError, BackendUnavailable, ConfigError, StateError
from .networked import NetworkUrl
from .postgres_errors import RETRIED, call_error, opening_error
from .postgres_schema import CONFLICT

T = TypeVar("T")

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
        self._conninfo, self.where = _connection_info(url)
        self._pool: AsyncConnectionPool[Connection] | None = None

    async def open(self, prepare: Callable[[Connection], Awaitable[None]]) -> None:
        """Connect once and prepare the database, then open the pool. Again it does nothing.

        Raises:
            ConfigError: The server refuses for a reason that the operator has to mend.
            BackendError: The server can't be reached, or `prepare` failed.
        """
        if self._pool is not None:
            return
        try:
            async with asyncio.timeout(self._url.wait_s), await self._connect() as connection:
                await self._configure(connection)
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
            timeout=self._url.wait_s,
            reconnect_timeout=0.0,
            open=False,
        )
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
            while True:
                async with self._borrow() as connection:
                    limit = asyncio.timeout(self._url.wait_s)
                    try:
                        async with limit:
                            return await work(connection)
                    except RETRIED:
                        continue
                    except psycopg.OperationalError as error:
                        if limit.expired():
                            raise TimeoutError from error
                        raise
        except psycopg.Error as error:
            if error.sqlstate == CONFLICT:
                raise
            raise call_error(error, self._url, self.where) from error
        except OSError as error:
            raise call_error(error, self._url, self.where) from error

    @asynccontextmanager
    async def _borrow(self) -> AsyncIterator[Connection]:
        pool = self._opened()
        connection = await self._take(pool)
        try:
            yield connection
        except ReadOnlySqlTransaction:
            await connection.close()  # the next may find the new primary
            raise
        finally:
            await pool.putconn(connection)

    async def _take(self, pool: AsyncConnectionPool[Connection]) -> Connection:
        """Take a connection that works, or say at once why there is none."""
        if not pool.get_stats()["pool_size"]:
            await self._probe()
        while True:
            try:
                connection = await pool.getconn()
            except PoolTimeout:
                await self._probe()
                raise BackendUnavailable(
                    f"PostgreSQL at {self.where}: all {self._url.pool_size} connections were in "
                    f"use for {self._url.wait_s:g} s: raise pool_size in the url"
                ) from None
            if not connection.is_stale():
                return connection
            await connection.close()
            await pool.putconn(connection)
            await self._probe()

    async def _probe(self) -> None:
        """Connect once, since the pool does not say why it can't."""
        async with asyncio.timeout(self._url.wait_s), await self._connect():
            pass

    async def _connect(self) -> Connection:
        return await Connection.connect(self._conninfo, autocommit=True)

    async def _configure(self, connection: Connection) -> None:
        wait_ms = str(math.ceil(self._url.wait_s * 1000))
        await connection.execute(_SESSION, {"wait_ms": wait_ms})

    def _opened(self) -> AsyncConnectionPool[Connection]:
        if self._pool is None:
            raise BackendError(f"PostgreSQL at {self.where} is not open")
        return self._pool


def _connection_info(url: NetworkUrl) -> tuple[str, str]:
    """Return what libpq takes, and host and database for people."""
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
    wait_s = math.ceil(url.wait_s)
    defaults: dict[str, Any] = {
        "application_name": "langbot-state-ext",
        "connect_timeout": wait_s,
        "tcp_user_timeout": wait_s * 1000,
    }
    return make_conninfo(**defaults | info), f"{','.join(places)}/{info.get('dbname') or ''}"
