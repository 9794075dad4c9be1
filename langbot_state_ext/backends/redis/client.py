"""Runs scripts in Redis: one round trip each, with a time limit and retries."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from ...errors import BackendError, ConfigError, MigrationError, StateError
from ..urls import NetworkUrl
from . import scripts
from .errors import DRIVER_ERRORS, call_error, opening_error

LOGGER = logging.getLogger("langbot_state_ext")

OLDEST = (6, 2)
"""The oldest Redis that is supported; every Valkey is newer."""

SCHEMA_VERSION = 1

RETRIES = 2
"""Retries of one call: the first may reach a new primary, and find another store there."""

DRIVER_PARAMETERS = frozenset(
    {
        *("db", "username", "password", "client_name", "health_check_interval"),
        *("ssl_cert_reqs", "ssl_ca_certs", "ssl_ca_path", "ssl_ca_data", "ssl_certfile"),
        *("ssl_keyfile", "ssl_password", "ssl_check_hostname", "ssl_min_version", "ssl_ciphers"),
    }
)
"""The parameters of redis-py that make sense in our urls."""


class RedisClient:
    """Runs scripts over the keys that begin with a prefix.

    Args:
        url: Which Redis.
        prefix: How all keys begin.

    Attributes:
        where: Host and database, for messages.

    Raises:
        ConfigError: redis-py can't read the url, or a file that it names is not there.
    """

    def __init__(self, url: NetworkUrl, prefix: str) -> None:
        self._url = url
        self._prefix = prefix.encode()
        kwargs = _new_pool(url).connection_kwargs
        _check_files(kwargs)
        self.where = f"{kwargs.get('host')}:{kwargs.get('port', 6379)}/{kwargs.get('db', 0)}"
        self._redis: Redis | None = None
        self._scripts: dict[str, Any] = {}
        self._id = b""

    async def open(self) -> None:
        """Connect, and find the store or begin one; again, do nothing.

        Raises:
            ConfigError: The server refuses, and the operator has to change a setting.
            MigrationError: What is there is not ours, or newer than this package.
            BackendError: The server can't be reached.
        """
        if self._redis is not None:
            return
        self._redis = Redis(connection_pool=_new_pool(self._url))
        try:
            await self._check()
            self._id = await self._find_store()
        except BaseException as error:
            await self.close()
            if not isinstance(error, DRIVER_ERRORS):
                raise
            raise opening_error(error, self._url, self.where) from error

    async def close(self) -> None:
        """Close every connection. Calling it again does nothing."""
        redis, self._redis = self._redis, None
        self._scripts.clear()
        if redis is not None:
            await redis.connection_pool.aclose()

    async def run(self, script: str, now: float, *arguments: Any) -> Any:
        """Run a script of `scripts`.

        Args:
            script: The text of the script.
            now: The time, in seconds since 1970.
            arguments: Its other arguments.

        Returns:
            Its answer, with text as bytes.

        Raises:
            BackendError: Redis failed.
            ResponseError: The script reported a conflict.
        """
        try:
            return await self._run_with_retries(script, now, arguments)
        except DRIVER_ERRORS as error:
            if str(error).startswith("CONFLICT"):
                raise
            raise call_error(error, self._url, self.where) from error

    async def _run_with_retries(self, script: str, now: float, arguments: Sequence[Any]) -> Any:
        """Run a script, again after a refusal that can be resolved; nothing was written then."""
        for _ in range(RETRIES):
            try:
                return await self._call(script, self._id, repr(now), *arguments)
            except ResponseError as error:
                if not await self._resolve(str(error)):
                    raise
        return await self._call(script, self._id, repr(now), *arguments)

    async def _resolve(self, refusal: str) -> bool:
        """Resolve why Redis refused a script; return whether a retry makes sense."""
        if refusal.startswith("LOST"):
            await self._rejoin_store()
            return True
        if self._redis is None or not any(word in refusal for word in ("READONLY", "MASTERDOWN")):
            return False
        # a new connection may reach the new primary
        await self._redis.connection_pool.disconnect(inuse_connections=False)
        return True

    async def _call(self, script: str, *arguments: Any) -> Any:
        """Wait for a connection and for the answer, each up to `wait_s`."""
        if self._redis is None:
            raise BackendError(f"Redis at {self.where} is not open")
        if script not in self._scripts:
            self._scripts[script] = self._redis.register_script(script)
        async with asyncio.timeout(2 * self._url.wait_s):
            return await self._scripts[script](keys=[self._prefix], args=arguments)

    async def _check(self) -> None:
        """Check that the server is supported, and warn of dangerous settings."""
        assert self._redis is not None  # noqa: S101 - the only caller has just made it
        async with asyncio.timeout(2 * self._url.wait_s):
            about = await self._redis.info()
            version = tuple(int(n) for n in str(about["redis_version"]).split(".")[:2])
            if version < OLDEST:
                raise ConfigError(
                    f"Redis at {self.where} is version {about['redis_version']}, which is too old: "
                    f"use {'.'.join(map(str, OLDEST))} or newer, or Valkey"
                )
            if about.get("cluster_enabled"):
                raise ConfigError(
                    f"Redis at {self.where} is a cluster, which is not supported: use a single "
                    "server, with replicas if you like"
                )
            await self._warn(about)

    async def _warn(self, about: dict[str, Any]) -> None:
        assert self._redis is not None  # noqa: S101 - as above
        if about.get("maxmemory") and about.get("maxmemory_policy") != "noeviction":
            LOGGER.warning(
                f"Redis at {self.where} may evict state when its memory is full "
                f"({about['maxmemory_policy']}): set maxmemory-policy noeviction"
            )
        saves = None
        with suppress(RedisError):  # a hosted Redis may refuse CONFIG
            saves = (await self._redis.config_get("save")).get("save")
        if not about.get("aof_enabled") and saves == "":
            LOGGER.warning(
                f"Redis at {self.where} keeps nothing on disk: when it restarts, all state is "
                "gone; set appendonly yes"
            )

    async def _find_store(self) -> bytes:
        """Return the id of the store; make one when there is none."""
        try:
            id_, version = await self._call(scripts.OPEN, uuid.uuid4().hex, SCHEMA_VERSION)
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            raise self._not_ours("another program has such keys") from None
        if not version or not version.isdigit() or int(version) > SCHEMA_VERSION:
            raise self._not_ours(
                f"they have version {(version or b'?').decode(errors='replace')}, this package "
                f"knows {SCHEMA_VERSION}: upgrade langbot-state-ext"
            )
        return bytes(id_)

    def _not_ours(self, reason: str) -> StateError:
        return MigrationError(
            f"the keys {self._prefix.decode()}* of Redis at {self.where} can't be used: {reason}; "
            "or choose others with prefix=NAME in the url"
        )

    async def _rejoin_store(self) -> None:
        """Find the store again, or begin another one, and log that the state was lost."""
        found = await self._find_store()
        if found == self._id:
            return
        self._id = found
        LOGGER.warning(
            f"Redis at {self.where} has lost the state: it was restarted without persistence, or "
            "flushed. State begins empty now"
        )


def _check_files(kwargs: Mapping[str, Any]) -> None:
    for name in ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"):
        if kwargs.get(name) and not Path(kwargs[name]).exists():
            raise ConfigError(f"{name}={kwargs[name]} in the redis url: there is no such file")


def _new_pool(url: NetworkUrl) -> BlockingConnectionPool:
    try:
        pool = BlockingConnectionPool.from_url(
            url.driver_url,
            max_connections=url.pool_size,
            timeout=url.wait_s,
            socket_timeout=url.wait_s,
            socket_connect_timeout=url.wait_s,
            retry=Retry(NoBackoff(), 0),  # a write that was sent may have been made
            protocol=2,
        )
        pool.make_connection()  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, RedisError) as error:
        text = url.without_secrets(str(error))
        raise ConfigError(f"the redis url can't be read: {text}") from None
    return pool
