"""Chooses free ports for servers."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from pathlib import Path


def free_ports(count: int) -> list[int]:
    """Return ports that are free and outside the range of outgoing connections."""
    end = first_ephemeral_port()
    ports: set[int] = set()
    while len(ports) < count:
        with socket.socket() as free, suppress(OSError):
            port = random.randrange(end - 20_000, end)
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("", port))
            ports.add(port)
    return list(ports)


def first_ephemeral_port() -> int:
    """Return the first port of outgoing connections; 32768 if the system does not say."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    except OSError:
        return 32768
    return max(first, 22_000)
