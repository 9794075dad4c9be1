"""`redis://`, `rediss://`, `valkey://`: state that several LangBots share, in memory of one server.

Every call is one script and one round trip. Only `scopes`, `overview` and `clear` run a script for
each batch of scopes, so that no script blocks the server for long. What survives a restart of Redis
depends on its persistence; a Redis that comes back empty is logged.
"""

from __future__ import annotations

import json
import math
import re
import struct
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from redis.exceptions import ResponseError

from ...errors import ConfigError, VersionConflict
from ...state.scopes import ScopeKey
from ..base import Backend
from ..data import Change, Entry, ScopeFilter, ScopePage, StoredScope
from ..overview import Written
from ..packing import pack_parts, to_bytes, to_text, unpack_key
from ..urls import NetworkUrl, check_name, read_network_url
from . import scripts
from .client import DRIVER_PARAMETERS, RedisClient

PREFIX = "langbot-state:"
PURGE_AFTER = 1000
"""Expired entries are deleted with the first commit, and again after this many."""
BATCH = 500
"""How many scopes one script looks at, at the most."""

_HEADER = struct.Struct(">dddI")
_TAIL = struct.Struct(">ddI")
_LENGTHS = struct.Struct(">II")
_NO_RUN = 0xFFFFFFFF


class RedisBackend(Backend):
    """Keeps entries in Redis or Valkey.

    Args:
        url: Which Redis.
        prefix: How all keys begin.
        clock: Seconds since 1970. Default `time.time`.
    """

    networked = True

    def __init__(
        self, url: NetworkUrl, *, prefix: str = PREFIX, clock: Callable[[], float] = time.time
    ) -> None:
        self._client = RedisClient(url, prefix)
        self._clock = clock
        self._commits = 0

    @classmethod
    def from_url(cls, url: str, *, clock: Callable[[], float] = time.time) -> RedisBackend:
        """Make a backend from a url.

        Args:
            url: `redis://user:password@host:6379/0`, `rediss://` over TLS, `valkey://` the same as
                `redis://`, then optionally `?prefix=TEXT` (how all keys begin, default
                `langbot-state:`), `&wait_s=SECONDS` (0.1 to 3600, default 5), `&pool_size=N` (1
                to 100, default 8), and what redis-py takes, such as `&ssl_ca_certs=FILE`.
            clock: Seconds since 1970. Default `time.time`.

        Raises:
            ConfigError: It can't be read, or a parameter is unknown or out of range.
        """
        if url.startswith("valkey:"):
            url = f"redis:{url.removeprefix('valkey:')}"
        if not re.match(r"rediss?://([^@/]*@|[^/]*@)?[^/?@]+(/\d*)?(\?|$)", url):
            raise ConfigError(
                "a redis url has a host, and a number as database: redis://host:6379/0"
            )
        given = read_network_url(
            url, namespace_parameter="prefix", driver_parameters=DRIVER_PARAMETERS
        )
        letters = "1 to 64 letters, digits and . : _ -"
        prefix = check_name("prefix", given.namespace or PREFIX, r"[A-Za-z0-9._:-]{1,64}", letters)
        return cls(given, prefix=prefix, clock=clock)

    async def open(self) -> None:
        """Connect, and find the store or begin one, see `Backend.open`."""
        await self._client.open()

    async def load(self, keys: Sequence[ScopeKey]) -> list[dict[str, bytes]]:
        """Read the values of whole scopes, see `Backend.load`."""
        if not keys:
            return []
        now = self._clock()
        found = await self._client.run(scripts.READ, now, *(key.storage for key in keys))
        return [
            {key: entry.value for key, entry in _entries(packed, now).items()} for packed in found
        ]

    async def get(self, scope: ScopeKey, key: str) -> Entry | None:
        """Read one entry, see `Backend.get`."""
        now = self._clock()
        data = await self._client.run(scripts.GET, now, scope.storage, to_bytes(key))
        entry = _entry(data) if data else None
        return entry if entry and _is_live(entry, now) else None

    async def entries(self, scope: ScopeKey) -> dict[str, Entry]:
        """Read a whole scope, see `Backend.entries`."""
        now = self._clock()
        found = await self._client.run(scripts.READ, now, scope.storage)
        return dict(sorted(_entries(found[0], now).items()))

    async def commit(self, changes: Sequence[Change]) -> None:
        """Write all or none, see `Backend.commit`."""
        if not changes:
            return
        now = self._clock()
        if self._commits % PURGE_AFTER == 0:
            await self._client.run(scripts.PURGE, now)
        self._commits += 1
        arguments = (argument for change in changes for argument in _arguments(change, now))
        try:
            await self._client.run(scripts.COMMIT, now, *arguments)
        except ResponseError as error:
            raise _conflict(error, changes) from None

    async def list(self, scope: ScopeKey, prefix: str, limit: int) -> list[str]:
        """Name the keys of a scope, see `Backend.list`."""
        found = await self._client.run(scripts.LIST, self._clock(), scope.storage, to_bytes(prefix))
        return sorted(to_text(key) for key in found)[:limit]

    async def scopes(self, which: ScopeFilter, cursor: str | None, limit: int) -> ScopePage:
        """Page through the scopes, see `Backend.scopes`."""
        found: list[StoredScope] = []
        async for rows in self._scan(scripts.SCOPES, which, cursor, min(BATCH, limit + 1)):
            found += [_stored(*row) for row in rows]
            if len(found) > limit:
                return ScopePage(found[:limit], found[limit - 1].key.storage)
        return ScopePage(found, None)

    async def clear(self, which: ScopeFilter) -> int:
        """Delete every entry of the matching scopes, see `Backend.clear`.

        Each script clears a batch of scopes. An entry that is written to a later batch before its
        turn is deleted, too.
        """
        return sum([count async for count in self._scan(scripts.CLEAR, which, None, BATCH)])

    async def close(self) -> None:
        """Close every connection, see `Backend.close`."""
        await self._client.close()

    async def _contents(
        self, which: ScopeFilter
    ) -> AsyncIterator[tuple[ScopeKey, Sequence[Written]]]:
        """Yield the scopes that match with their entries, one batch in each round trip."""
        async for rows in self._scan(scripts.CONTENTS, which, None, BATCH):
            for storage, parts, held in rows:
                scope = _key(storage, parts)
                yield scope, [_written(scope, *entry) for entry in held]

    async def _scan(
        self, script: str, which: ScopeFilter, cursor: str | None, batch: int
    ) -> AsyncIterator[Any]:
        """Run a script over all scopes that may match a filter, batch by batch.

        The first batch may be small: often it has all that a page needs. Later ones grow.
        """
        low, high = _bounds(which, cursor)
        exact = to_bytes(json.dumps(dict(which.parts), ensure_ascii=False))
        named = "" if script == scripts.CLEAR else "named"
        text = to_bytes(which.text or "").lower()
        while True:
            last, looked, result = await self._client.run(
                script, self._clock(), low, high, batch, exact, text, named
            )
            yield result
            if looked < batch:
                return
            low, batch = b"(" + last, min(BATCH, 2 * batch)


def _bounds(which: ScopeFilter, cursor: str | None) -> tuple[bytes, bytes]:
    """Return the first and the last storage form that may match a filter."""
    low, high = "", "\x7f"
    if which.scope is not None:
        low, high = f"{which.scope}:", f"{which.scope};"
    if which.key is not None:
        low, high = max(low, which.key.storage), min(high, which.key.storage)
    above = f"({cursor}" if cursor is not None and cursor >= low else f"[{low}"
    return above.encode(), f"[{high}".encode()


def _arguments(change: Change, now: float) -> tuple[Any, ...]:
    data = b""
    if change.value is not None:
        run = b"" if change.run_id is None else to_bytes(change.run_id)
        length = _NO_RUN if change.run_id is None else len(run)
        ends = math.inf if change.expires_at is None else change.expires_at
        data = _TAIL.pack(now, ends, length) + run + change.value
    scope = change.scope
    return scope.storage, to_bytes(change.key), change.expect, data, to_bytes(pack_parts(scope))


def _entry(data: bytes) -> Entry:
    version, updated_at, ends, length = _HEADER.unpack_from(data)
    start = _HEADER.size
    run_id = None
    if length != _NO_RUN:
        run_id = to_text(data[start : start + length])
        start += length
    expires_at = None if ends == math.inf else ends
    return Entry(data[start:], int(version), updated_at, run_id, expires_at)


def _entries(packed: bytes, now: float) -> dict[str, Entry]:
    """Unpack what `lua/read.lua` returned for a scope."""
    found, start = dict[str, Entry](), 0
    while start < len(packed):
        key_length, entry_length = _LENGTHS.unpack_from(packed, start)
        key_end = start + _LENGTHS.size + key_length
        entry = _entry(packed[key_end : key_end + entry_length])
        if _is_live(entry, now):
            found[to_text(packed[start + _LENGTHS.size : key_end])] = entry
        start = key_end + entry_length
    return found


def _is_live(entry: Entry, now: float) -> bool:
    return entry.expires_at is None or entry.expires_at > now


def _stored(
    storage: bytes, parts: bytes, count: int, value_bytes: int, updated_at: bytes
) -> StoredScope:
    return StoredScope(_key(storage, parts), count, value_bytes, float(updated_at))


def _key(storage: bytes, parts: bytes) -> ScopeKey:
    return unpack_key(storage.partition(b":")[0].decode(), parts)


def _written(scope: ScopeKey, key: bytes, value_bytes: int, head: bytes) -> Written:
    entry = _entry(head)
    return Written(scope, to_text(key), value_bytes, entry.version, entry.updated_at, entry.run_id)


def _conflict(error: ResponseError, changes: Sequence[Change]) -> VersionConflict:
    _word, index, actual = str(error).split()[:3]
    change = changes[int(index)]
    return VersionConflict(change.scope.scope, change.key, change.expect, int(actual))
