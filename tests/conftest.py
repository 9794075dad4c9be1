"""Servers that the tests share: started here, or named by `--postgres-url` and `--redis-url`."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from testkit.servers import PostgresServer, RedisServer

# A shell starts what runs in its background with these ignored, and so would be our servers.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests use servers that are there already, and count for longer."""
    parser.addoption("--postgres-url", help="a database to test with; default: start a server")
    parser.addoption("--increments", type=int, default=1000, help="of each counting process")
    parser.addoption("--redis-url", help="a Redis to test with; default: start a server")


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The url of a PostgreSQL database that all tests share."""
    given = request.config.getoption("--postgres-url")
    if given:
        yield given
        return
    with PostgresServer() as server:
        yield server.url()


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The url of a Redis database that all tests share."""
    given = request.config.getoption("--redis-url")
    if given:
        yield given
        return
    with RedisServer() as server:
        yield server.url()
