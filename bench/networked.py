"""The same turn over PostgreSQL and Redis on loopback, beside raw round trips of the same drivers.

The floor of a turn is four round trips that do nothing: no store over that driver can be faster.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import psycopg
from redis.asyncio import Redis

from examples.servers import PostgresServer, RedisServer

from .turn import Contender, ours


async def _postgres_floor(url: str, stack: AsyncExitStack) -> Contender:
    connection = await stack.enter_async_context(
        await psycopg.AsyncConnection.connect(url, autocommit=True)
    )

    async def trip(*_arguments: Any) -> None:
        await (await connection.execute("SELECT 1")).fetchall()

    return Contender("psycopg: raw round trips", trip, trip)


async def _redis_floor(url: str, stack: AsyncExitStack) -> Contender:
    redis = Redis.from_url(url, protocol=2)
    stack.push_async_callback(redis.aclose)

    async def trip(*_arguments: Any) -> None:
        await redis.ping()

    return Contender("redis-py: raw round trips", trip, trip)


async def measure(turns: int) -> list[Contender]:
    """Let the stores and their floors do the same turns, one after the other.

    Args:
        turns: How many turns each.

    Returns:
        Pairs of a floor and the store above it.
    """
    with PostgresServer() as postgres, RedisServer("--appendonly", "yes") as redis:
        async with AsyncExitStack() as stack:
            contenders = [
                await _postgres_floor(postgres.url(), stack),
                await ours(postgres.url(), "PostgreSQL", stack),
                await _redis_floor(redis.url(), stack),
                await ours(redis.url(), "Redis", stack),
            ]
            for contender in contenders:
                await contender.fill()
            for number in range(turns):
                for contender in contenders:
                    await contender.turn(number)
    return contenders
