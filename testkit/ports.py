"""Ports for servers of one's own."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from pathlib import Path


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, and that no outgoing connection is given later on."""
    end = first_given_port()
    ports: set[int] = set()
    while len(ports) < count:
        with socket.socket() as free, suppress(OSError):
            port = random.randrange(end - 20_000, end)
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("", port))
            ports.add(port)
    return list(ports)


def first_given_port() -> int:
    """Return the first port that the system gives to connections; 32768 where it does not say."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    except OSError:
        return 32768
    return max(first, 22_000)
