"""`postgresql://`: state that several LangBots share. psycopg 3 and its pool.

Every call is one round trip; a new entry takes two, `clear` a few. What PostgreSQL has acknowledged
is on its disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from ...errors import VersionConflict
from ...state.scopes import ScopeKey
from ..base import Backend, Change, Entry, ScopeFilter, ScopePage, StoredScope
from ..overview import Overview
from ..urls import NetworkUrl, check_name, read_url, to_bytes, to_text, unpack_key
from . import statements
from .overview import overview
from .pool import DRIVER_PARAMETERS, Connection, Connections
from .schema import migrate

SCHEMA = "langbot_state_ext"
PURGE_AFTER = 1000
"""At the first commit, and after so many, the room of what has expired is freed."""
BATCH = 1000
"""How many scopes one transaction clears."""

Rows = list[tuple[Any, ...]]


class PostgresBackend(Backend):
    """Keeps entries in a PostgreSQL database.

    Args:
        url: What `read_url` made of the url.
        schema: The PostgreSQL schema that holds the tables; made when it does not exist.
        clock: Seconds since 1970. Default `time.time`.
    """

    networked = True

    def __init__(
        self, url: NetworkUrl, *, schema: str = SCHEMA, clock: Callable[[], float] = time.time
    ) -> None:
        self._connections = Connections(url)
        self._schema = schema
        self._clock = clock
        self._commits = 0

    @classmethod
    def from_url(cls, url: str, *, clock: Callable[[], float] = time.time) -> PostgresBackend:
        """Read a url.

        Args:
            url: `postgresql://user:password@host:5432/database`, several hosts by commas, then
                optionally `?schema=NAME` (default `langbot_state_ext`), `&wait_s=SECONDS` (0.1 to
                3600, default 5), `&pool_size=N` (1 to 100, default 8), and what libpq takes, such
                as `&sslmode=verify-full`.
            clock: Seconds since 1970. Default `time.time`.

        Raises:
            ConfigError: It can't be read, or a parameter is unknown or out of range.
        """
        parts = read_url(url, "schema", DRIVER_PARAMETERS)
        letters = "letters, digits and _, at most 63, no digit first"
        schema = check_name("schema", parts.own or SCHEMA, r"[A-Za-z_][A-Za-z0-9_]{0,62}", letters)
        return cls(parts, schema=schema, clock=clock)

    async def open(self) -> None:
        """Connect, and bring the schema up to date, see `Backend.open`."""
        where = self._connections.where
        await self._connections.open(lambda link: migrate(link, self._schema, where))

    async def load(self, keys: Sequence[ScopeKey]) -> list[dict[str, bytes]]:
        """Read the values of whole scopes, see `Backend.load`."""
        found: dict[str, dict[str, bytes]] = {key.storage: {} for key in keys}
        if found:
            for scope, key, value in await self._rows(statements.LOAD, {"scopes": list(found)}):
                found[scope][to_text(key)] = value
        return [found[key.storage] for key in keys]

    async def get(self, scope: ScopeKey, key: str) -> Entry | None:
        """Read one entry, see `Backend.get`."""
        values = {"scope": scope.storage, "key": to_bytes(key)}
        rows = await self._rows(statements.GET, values)
        return statements.entry(rows[0]) if rows else None

    async def entries(self, scope: ScopeKey) -> dict[str, Entry]:
        """Read a whole scope, see `Backend.entries`."""
        rows = await self._rows(statements.ENTRIES, {"scope": scope.storage})
        return {to_text(row[0]): statements.entry(row[1:]) for row in rows}

    async def commit(self, changes: Sequence[Change]) -> None:
        """Write all or none, see `Backend.commit`."""
        if not changes:
            return
        if self._commits % PURGE_AFTER == 0:
            await self._purge()
        self._commits += 1
        now = self._clock()
        if len(changes) == 1 and changes[0].value is not None:
            values = statements.update_values(changes[0], now)
            if await self._rows(statements.UPDATE, values):
                return
        values = statements.commit_values(changes, now)
        await self._rows(statements.COMMIT, values, changes=changes)

    async def list(self, scope: ScopeKey, prefix: str, limit: int) -> list[str]:
        """Name the keys of a scope, see `Backend.list`."""
        values = {
            "scope": scope.storage,
            "prefix": to_bytes(prefix),
            "limit": limit,
        }
        return [to_text(row[0]) for row in await self._rows(statements.LIST, values)]

    async def scopes(self, which: ScopeFilter, cursor: str | None, limit: int) -> ScopePage:
        """Page through the scopes, see `Backend.scopes`."""
        where, values = statements.where(which)
        values |= {"cursor": cursor or "", "limit": limit + 1}
        rows = await self._rows(statements.SCOPES, values, where)
        page = [
            StoredScope(unpack_key(scope, parts), count, int(size), updated_at)
            for _key, scope, parts, count, size, updated_at in rows[:limit]
        ]
        return ScopePage(page, rows[limit - 1][0] if len(rows) > limit else None)

    async def overview(
        self, without: ScopeFilter, *, since: float, newest: int, parts: Sequence[str]
    ) -> Overview:
        """Say what the store holds, see `Backend.overview`."""
        return await overview(self._rows, without, since=since, newest=newest, parts=parts)

    async def clear(self, which: ScopeFilter) -> int:
        """Delete every entry of the matching scopes, see `Backend.clear`.

        A batch of scopes is cleared at once, so that no transaction grows without end.
        """
        where, values = statements.where(which)
        return await self._remove(where, values, statements.DELETE)

    async def close(self) -> None:
        """Close every connection, see `Backend.close`."""
        await self._connections.close()

    async def _rows(
        self,
        statement: LiteralString,
        values: dict[str, Any],
        where: sql.Composable = statements.EVERY,
        *,
        changes: Sequence[Change] = (),
    ) -> Rows:
        """Run one statement, in one round trip."""
        query = self._format(statement, where)
        values.setdefault("now", self._clock())

        async def work(connection: Connection) -> Rows:
            cursor = connection.cursor(binary=True)
            return await (await cursor.execute(query, values)).fetchall()

        try:
            return await self._connections.run(work)
        except psycopg.DatabaseError as error:
            raise _conflict(error, changes) from None

    async def _remove(
        self, where: sql.Composable, values: dict[str, Any], delete: LiteralString
    ) -> int:
        """Delete entries of the scopes that match, and those scopes that have none left."""
        values |= {"now": self._clock(), "cursor": "", "limit": BATCH}
        lock, delete_, drop = (
            self._format(statement, where)
            for statement in (statements.LOCK, delete, statements.DROP_EMPTY)
        )

        async def work(connection: Connection) -> tuple[int, list[str]]:
            async with connection.transaction():
                found = await (await connection.execute(lock, values)).fetchall()
                locked = values | {"keys": [row[0] for row in found]}
                row = await (await connection.execute(delete_, locked)).fetchone()
                await connection.execute(drop, locked)
                return (int(row[0]) if row else 0), locked["keys"]

        total = 0
        while True:
            count, keys = await self._connections.run(work)
            total += count
            if len(keys) < BATCH:
                return total
            values["cursor"] = keys[-1]

    async def _purge(self) -> None:
        """Free the room of what has expired."""
        keys = [row[0] for row in await self._rows(statements.EXPIRED, {})]
        if keys:
            await self._remove(statements.THESE, {"ended": keys}, statements.DELETE_EXPIRED)

    def _format(self, statement: LiteralString, where: sql.Composable) -> sql.Composed:
        return sql.SQL(statement).format(schema=sql.Identifier(self._schema), where=where)


def _conflict(error: psycopg.Error, changes: Sequence[Change]) -> VersionConflict:
    """Make a conflict of what `commit_changes` says: which change, and the version held."""
    index, actual = (int(word) for word in (error.diag.message_primary or "").split())
    change = changes[index]
    return VersionConflict(change.scope.scope, change.key, change.expect, actual)
