"""Ports of this machine for what a benchmark starts."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection
from itertools import islice

# Below those that systems give to connections and to whoever asks for any port (32768 and above on Linux): a server
# takes its port seconds after it was chosen, and a client's connection may have it by then.
_PORTS = range(20_000, 30_000)


def free_ports(count: int, *, beside: Collection[int] = ()) -> list[int]:
    """Return ports that nothing listens on, each another one.

    Args:
        count: how many.
        beside: ports that are chosen already, and that nothing listens on yet.
    """
    candidates = random.sample(_PORTS, len(_PORTS))
    return list(islice((port for port in candidates if port not in beside and _is_free(port)), count))


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
