"""Runs in the head's pod when it is to stop: waits until no worker needs it any more.

Workers drain with the head's help, so the head stays while any of them is connected to its GCS; when a whole Ray
cluster goes, it is thus the last to leave, and does not stay longer. Needs nothing but Python and /proc.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
ESTABLISHED = "01"
POLL_SECONDS = 1.0
# A worker may be between two connections.
QUIET_POLLS = 3


def workers_connected(port: int, tables: tuple[Path, ...] = TABLES) -> bool:
    """Whether anybody from outside this pod is connected to a port, as Linux's tables of connections tell."""
    return any(_is_from_outside(line.split(), port) for table in tables for line in _lines(table))


def wait(port: int, seconds: float, is_connected: Callable[[int], bool] = workers_connected) -> None:
    """Return when no worker has been connected for a while, or after some seconds."""
    until = time.monotonic() + seconds
    quiet = 0
    while quiet < QUIET_POLLS and time.monotonic() < until:
        quiet = 0 if is_connected(port) else quiet + 1
        time.sleep(POLL_SECONDS)


def _lines(table: Path) -> list[str]:
    return table.read_text(encoding="ascii").splitlines()[1:] if table.is_file() else []


def _is_from_outside(fields: list[str], port: int) -> bool:
    _, local, remote, state, *_ = fields
    address, _, number = local.partition(":")
    return state == ESTABLISHED and int(number, 16) == port and remote.partition(":")[0] != address


if __name__ == "__main__":
    wait(int(sys.argv[1]), float(sys.argv[2]))
