"""A test server has its own port and ends with the process that started it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from testkit.ports import first_ephemeral_port, free_ports
from testkit.servers import PostgresServer, RedisServer, ServerProcess

SERVERS = (PostgresServer, RedisServer)


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_ends_with_the_process_that_started_it(kind: type[ServerProcess]) -> None:
    program = f"""
import time
from testkit.servers import {kind.__name__}
with {kind.__name__}() as server:
    print(server.port, flush=True)
    time.sleep(600)
"""
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    port = int(owner.stdout.readline())
    assert listens(port)
    owner.kill()
    owner.communicate()
    end = time.monotonic() + 60
    while listens(port):
        assert time.monotonic() < end
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Return whether a process listens on a port."""
    with socket.socket() as there:
        return there.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_whose_port_is_taken_chooses_another(kind: type[ServerProcess]) -> None:
    with ExitStack() as stack:
        one = stack.enter_context(kind())
        other = kind()
        other.port = one.port
        stack.enter_context(other)
        assert other.port != one.port


def test_a_free_port_is_outside_the_range_of_outgoing_connections() -> None:
    assert all(1024 <= port < first_ephemeral_port() for port in free_ports(20))
