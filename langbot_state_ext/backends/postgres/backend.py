"""`postgresql://`: state that several LangBots share. psycopg 3 and its pool.

Every call is one round trip; a new entry takes two, `clear` a few. What PostgreSQL has acknowledged
is on its disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import sql

from ...errors import VersionConflict
from ...state.scopes import ScopeKey
from ..base import Backend
from ..data import ALL_SCOPES, Change, Entry, ScopeFilter, ScopePage, StoredScope
from ..overview import Overview
from ..packing import to_bytes, to_text, unpack_key
from ..urls import NetworkUrl, check_name, read_network_url
from .overview import overview
from .pool import DRIVER_PARAMETERS, Connection, Connections
from .schema import migrate
from .statements import (
    EVERY_SCOPE,
    EXPIRED,
    SQL,
    commit_values,
    condition,
    entry,
    update_values,
)

SCHEMA = "langbot_state_ext"
PURGE_AFTER = 1000
"""Expired entries are deleted with the first commit, and again after this many."""
BATCH = 1000
"""How many scopes one transaction clears at the most."""

Rows = list[tuple[Any, ...]]


class PostgresBackend(Backend):
    """Keeps entries in a PostgreSQL database.

    Args:
        url: Which database.
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
        """Make a backend from a url.

        Args:
            url: `postgresql://user:password@host:5432/database`, several hosts by commas, then
                optionally `?schema=NAME` (default `langbot_state_ext`), `&wait_s=SECONDS` (0.1 to
                3600, default 5), `&pool_size=N` (1 to 100, default 8), and what libpq takes, such
                as `&sslmode=verify-full`.
            clock: Seconds since 1970. Default `time.time`.

        Raises:
            ConfigError: It can't be read, or a parameter is unknown or out of range.
        """
        given = read_network_url(
            url, namespace_parameter="schema", driver_parameters=DRIVER_PARAMETERS
        )
        letters = "letters, digits and _, at most 63, no digit first"
        pattern = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
        schema = check_name("schema", given.namespace or SCHEMA, pattern, letters)
        return cls(given, schema=schema, clock=clock)

    async def open(self) -> None:
        """Connect, and bring the schema up to date, see `Backend.open`."""
        where = self._connections.where
        await self._connections.open(lambda link: migrate(link, self._schema, where))

    async def load(self, keys: Sequence[ScopeKey]) -> list[dict[str, bytes]]:
        """Read the values of whole scopes, see `Backend.load`."""
        found: dict[str, dict[str, bytes]] = {key.storage: {} for key in keys}
        if found:
            for scope, key, value in await self._query("load", {"scopes": list(found)}):
                found[scope][to_text(key)] = value
        return [found[key.storage] for key in keys]

    async def get(self, scope: ScopeKey, key: str) -> Entry | None:
        """Read one entry, see `Backend.get`."""
        values = {"scope": scope.storage, "key": to_bytes(key)}
        rows = await self._query("get", values)
        return entry(rows[0]) if rows else None

    async def entries(self, scope: ScopeKey) -> dict[str, Entry]:
        """Read a whole scope, see `Backend.entries`."""
        rows = await self._query("entries", {"scope": scope.storage})
        return {to_text(row[0]): entry(row[1:]) for row in rows}

    async def commit(self, changes: Sequence[Change]) -> None:
        """Write all or none, see `Backend.commit`."""
        if not changes:
            return
        if self._commits % PURGE_AFTER == 0:
            await self._purge()
        self._commits += 1
        now = self._clock()
        if len(changes) == 1 and changes[0].value is not None:
            values = update_values(changes[0], now)
            if await self._query("update", values):
                return
        values = commit_values(changes, now)
        await self._query("commit", values, changes=changes)

    async def list(self, scope: ScopeKey, prefix: str, limit: int) -> list[str]:
        """Name the keys of a scope, see `Backend.list`."""
        values = {"scope": scope.storage, "prefix": to_bytes(prefix), "limit": limit}
        return [to_text(row[0]) for row in await self._query("list_keys", values)]

    async def scopes(self, which: ScopeFilter, cursor: str | None, limit: int) -> ScopePage:
        """Page through the scopes, see `Backend.scopes`."""
        where, values = condition(which)
        values |= {"cursor": cursor or "", "limit": limit + 1}
        rows = await self._query("scopes", values, where)
        page = [
            StoredScope(unpack_key(scope, parts), count, int(size), updated_at)
            for _key, scope, parts, count, size, updated_at in rows[:limit]
        ]
        return ScopePage(page, rows[limit - 1][0] if len(rows) > limit else None)

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
        return await overview(
            self._query, include, without, since=since, newest=newest, parts=parts
        )

    async def clear(self, which: ScopeFilter) -> int:
        """Delete every entry of the matching scopes, see `Backend.clear`.

        Each transaction clears a batch of scopes, so that none grows without end.
        """
        return await self._delete("delete_entries", *condition(which))

    async def close(self) -> None:
        """Close every connection, see `Backend.close`."""
        await self._connections.close()

    async def _query(
        self,
        name: str,
        values: dict[str, Any],
        where: sql.Composable = EVERY_SCOPE,
        *,
        changes: Sequence[Change] = (),
    ) -> Rows:
        """Run a query of `queries.sql`, in one round trip."""
        query = self._format(name, where)
        values.setdefault("now", self._clock())

        async def work(connection: Connection) -> Rows:
            cursor = connection.cursor(binary=True)
            return await (await cursor.execute(query, values)).fetchall()

        try:
            return await self._connections.run(work)
        except psycopg.DatabaseError as error:
            raise _conflict(error, changes) from None

    async def _delete(self, query: str, where: sql.Composable, values: dict[str, Any]) -> int:
        """Delete entries of the scopes that match, in batches, and the scopes without entries.

        Args:
            query: The name of the query that deletes the entries.
            where: The condition on `scopes s`.
            values: Its parameters.
        """
        values |= {"now": self._clock(), "cursor": "", "limit": BATCH}
        lock, delete, delete_empty = (
            self._format(name, where) for name in ("lock_scopes", query, "delete_empty_scopes")
        )

        async def work(connection: Connection) -> tuple[int, list[str]]:
            async with connection.transaction():
                found = await (await connection.execute(lock, values)).fetchall()
                locked = values | {"keys": [row[0] for row in found]}
                row = await (await connection.execute(delete, locked)).fetchone()
                await connection.execute(delete_empty, locked)
                return (int(row[0]) if row else 0), locked["keys"]

        total = 0
        while True:
            count, keys = await self._connections.run(work)
            total += count
            if len(keys) < BATCH:
                return total
            values["cursor"] = keys[-1]

    async def _purge(self) -> None:
        """Delete expired entries."""
        keys = [row[0] for row in await self._query("expired_scopes", {})]
        if keys:
            await self._delete("delete_expired_entries", EXPIRED, {"expired": keys})

    def _format(self, name: str, where: sql.Composable) -> sql.Composed:
        return sql.SQL(SQL[name]).format(schema=sql.Identifier(self._schema), where=where)


def _conflict(error: psycopg.Error, changes: Sequence[Change]) -> VersionConflict:
    """Read what `commit_changes` reports: which change, and the version that is stored."""
    index, actual = (int(word) for word in (error.diag.message_primary or "").split())
    change = changes[index]
    return VersionConflict(change.scope.scope, change.key, change.expect, actual)
