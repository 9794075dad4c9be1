"""No error of a driver leaks: each class that a driver has becomes one of ours, without secrets."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import psycopg_pool
import pytest
from psycopg import errors as pg
from psycopg_pool import PoolClosed
from redis import exceptions as r

from langbot_state_ext import Backend, BackendError, BackendUnavailable, ConfigError, StateError
from langbot_state_ext.backends.postgres import errors as postgres_errors
from langbot_state_ext.backends.postgres.backend import PostgresBackend
from langbot_state_ext.backends.redis import errors as redis_errors
from langbot_state_ext.backends.redis.backend import RedisBackend
from langbot_state_ext.backends.sqlite import statements
from langbot_state_ext.backends.sqlite.backend import SqliteBackend
from langbot_state_ext.backends.urls import NetworkUrl, read_network_url
from langbot_state_ext.testing.contract import person, put

ALICE = person("alice")

Kinds = list[type[Exception]]


def tree(*roots: type[Exception]) -> Kinds:
    """Return classes with all of their subclasses."""
    found = {kind: None for root in roots for kind in (root, *tree(*root.__subclasses__()))}
    return list(found)


def named_in(module: Any) -> Kinds:
    names = vars(module).values()
    return [kind for kind in names if isinstance(kind, type) and issubclass(kind, Exception)]


POSTGRES = tree(psycopg.Error, TimeoutError, ConnectionError, *named_in(psycopg_pool))
REDIS = tree(r.RedisError, TimeoutError, ConnectionError, *named_in(r))
SQLITE = tree(sqlite3.Error)


def made(kind: type[Exception]) -> Exception:
    """Make an error without the arguments that its class may want."""
    error = kind.__new__(kind)
    error.args = ("it said s3cret\nand more",)
    return error


def url(scheme: str) -> NetworkUrl:
    return read_network_url(
        f"{scheme}://u:s3cret@h/0", namespace_parameter="prefix", driver_parameters=()
    )


def test_the_trees_are_those_of_the_drivers() -> None:
    assert len(POSTGRES) > 200
    assert len(REDIS) > 25
    assert len(SQLITE) > 5


@pytest.mark.parametrize(
    ("kinds", "errors", "scheme"),
    [(POSTGRES, postgres_errors, "postgresql"), (REDIS, redis_errors, "redis")],
    ids=["postgres", "redis"],
)
def test_each_is_told_with_its_place_and_without_its_secret(
    kinds: Kinds, errors: Any, scheme: str
) -> None:
    for kind in kinds:
        for mapped in (
            errors.call_error(made(kind), url(scheme), "h/0"),
            errors.opening_error(made(kind), url(scheme), "h/0"),
        ):
            assert isinstance(mapped, BackendError | ConfigError), kind
            assert "h/0" in str(mapped), kind
            assert "s3cret" not in str(mapped), kind
            assert "\n" not in str(mapped), kind


def test_what_may_succeed_later_is_retryable() -> None:
    final = PoolClosed | pg.InsufficientPrivilege
    for kind in POSTGRES:
        if issubclass(kind, psycopg.OperationalError | OSError) and not issubclass(kind, final):
            mapped = postgres_errors.call_error(made(kind), url("postgresql"), "h/0")
            assert isinstance(mapped, BackendUnavailable), kind


async def calls(backend: Backend, kind: type[Exception]) -> None:
    for call in (backend.load([ALICE]), backend.get(ALICE, "k"), backend.commit([put(ALICE)])):
        with pytest.raises(StateError) as caught:
            await call
        assert isinstance(caught.value, BackendError), kind
        assert "s3cret" not in str(caught.value) or isinstance(backend, SqliteBackend), kind


async def test_none_leaks_from_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = PostgresBackend.from_url("postgresql://u:s3cret@h/0?wait_s=0.1")
    for kind in POSTGRES:

        async def fail(_work: object, kind: type[Exception] = kind) -> None:
            raise made(kind)

        monkeypatch.setattr(backend._connections, "_run_once", fail)
        await calls(backend, kind)


async def test_none_leaks_from_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = RedisBackend.from_url("redis://u:s3cret@h/0")
    for kind in REDIS:

        async def fail(*_arguments: object, kind: type[Exception] = kind) -> None:
            raise made(kind)

        monkeypatch.setattr(backend._client, "_call", fail)
        await calls(backend, kind)


async def test_none_leaks_from_sqlite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with SqliteBackend(tmp_path / "state.db") as backend:
        for kind in SQLITE:

            def fail(*_arguments: object, kind: type[Exception] = kind) -> None:
                raise made(kind)

            for name in ("load", "get", "commit"):
                monkeypatch.setattr(statements, name, fail)
            await calls(backend, kind)


def test_windows_own_event_loop_is_told_with_what_to_use() -> None:
    error = psycopg.InterfaceError(
        "Psycopg cannot use the 'ProactorEventLoop' to run in async mode"
    )
    mapped = postgres_errors.opening_error(error, url("postgresql"), "h/0")
    assert isinstance(mapped, ConfigError)
    assert "on Windows use sqlite:// or redis://" in str(mapped)
