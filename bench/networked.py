"""The same turn with PostgreSQL and Redis on loopback, next to raw calls of the same drivers.

Each server has two lower bounds: round trips that do nothing, and the least work that stores the
same bytes as durably, without checks or versions.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import orjson
import psycopg
from redis.asyncio import Redis

from langbot_state_ext import VALID_STATE_SCOPES
from testkit.servers import PostgresServer, RedisServer

from .turn import Contender, ours

PLACES = {str(scope): scope + "0" * 64 for scope in VALID_STATE_SCOPES}

_READ = "SELECT scope, key, value FROM state WHERE scope = ANY(%s)"
_WRITE = """INSERT INTO state VALUES (%s, %s, %s)
    ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value"""


async def _postgres(url: str, stack: AsyncExitStack) -> list[Contender]:
    connection = await stack.enter_async_context(
        await psycopg.AsyncConnection.connect(url, autocommit=True)
    )
    await connection.execute(
        "CREATE TABLE state (scope text, key text, value bytea, PRIMARY KEY (scope, key))"
    )

    async def trip(*_arguments: Any) -> None:
        await (await connection.execute("SELECT 1")).fetchall()

    async def read() -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {place: {} for place in PLACES.values()}
        cursor = await connection.cursor(binary=True).execute(_READ, (list(found),))
        for place, key, data in await cursor.fetchall():
            found[place][key] = orjson.loads(data)
        return found

    async def write(scope: str, key: str, data: Any) -> None:
        await connection.execute(_WRITE, (PLACES[scope], key, orjson.dumps(data)))

    return [
        Contender("psycopg: round trips", trip, trip),
        Contender("psycopg: raw statements", read, write),
        await ours(url, "PostgreSQL", stack),
    ]


async def _redis(url: str, stack: AsyncExitStack) -> list[Contender]:
    redis = Redis.from_url(url, protocol=2)
    stack.push_async_callback(redis.aclose)

    async def trip(*_arguments: Any) -> None:
        await redis.ping()

    async def read() -> list[dict[bytes, Any]]:
        pipe = redis.pipeline()
        for place in PLACES.values():
            pipe.hgetall(place)
        found = await pipe.execute()
        return [{key: orjson.loads(data) for key, data in each.items()} for each in found]

    async def write(scope: str, key: str, data: Any) -> None:
        await redis.execute_command(  # type: ignore[no-untyped-call]
            "HSET", PLACES[scope], key, orjson.dumps(data)
        )

    return [
        Contender("redis-py: round trips", trip, trip),
        Contender("redis-py: raw commands", read, write),
        await ours(url, "Redis", stack),
    ]


async def measure(turns: int) -> list[list[Contender]]:
    """Measure the same turns with each store and its lower bounds, alternating after each turn.

    Args:
        turns: The number of turns of each.

    Returns:
        For each server: round trips, raw calls, and this store.
    """
    with PostgresServer() as postgres, RedisServer("--appendonly", "yes") as redis:
        async with AsyncExitStack() as stack:
            groups = [await _postgres(postgres.url(), stack), await _redis(redis.url(), stack)]
            contenders = [contender for group in groups for contender in group]
            for contender in contenders:
                await contender.fill()
            for number in range(turns):
                for contender in contenders:
                    await contender.turn(number)
    return groups
