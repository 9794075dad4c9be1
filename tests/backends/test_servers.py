"""The servers that the tests start: nobody else's, and gone when the tests are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from examples.servers import PostgresServer, RedisServer, ServerProcess, free_port

SERVERS = (PostgresServer, RedisServer)


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_ends_with_whoever_started_it(kind: type[ServerProcess]) -> None:
    program = f"""
import time
from examples.servers import {kind.__name__}
with {kind.__name__}() as server:
    print(server._process.pid, flush=True)
    time.sleep(600)
"""
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert is_there(pid)
    owner.kill()
    owner.communicate()
    end = time.monotonic() + 60
    while is_there(pid):
        assert time.monotonic() < end
        time.sleep(0.05)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("kind", SERVERS)
def test_a_port_that_is_taken_is_left_to_its_owner(kind: type[ServerProcess]) -> None:
    with ExitStack() as stack:
        one = stack.enter_context(kind())
        other = kind()
        other.port = one.port
        stack.enter_context(other)
        assert other.port != one.port


def test_a_port_is_one_that_connections_are_not_given() -> None:
    assert all(10_000 <= free_port() < 32_768 for _ in range(20))
