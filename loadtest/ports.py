"""Ports of this machine for what a benchmark starts."""

from __future__ import annotations

import random
import socket
from itertools import islice

# Below those that systems give to connections and to whoever asks for any port (32768 and above on Linux): a server
# takes its port seconds after it was chosen, and a client's connection may have it by then.
_PORTS = range(20_000, 30_000)


def free_ports(count: int) -> list[int]:
    """Return ports that nothing listens on, each another one."""
    candidates = random.sample(_PORTS, len(_PORTS))
    return list(islice(filter(_is_free, candidates), count))


def free_port() -> int:
    """Return a port that nothing listens on."""
    return free_ports(1)[0]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
