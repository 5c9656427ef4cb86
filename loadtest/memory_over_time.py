"""Memory of a service while something happens to it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from loadtest.ray_processes import role

MEBIBYTE = 2**20


@dataclass
class MemoryOverTime:
    """Resident memory of a service's processes.

    Attributes:
        at: when, in seconds since the epoch.
        total: of all processes then, in MiB.
        peaks: the most of each process, in MiB, by role and number.
    """

    at: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    peaks: dict[tuple[str, int], float] = field(default_factory=dict)

    def between(self, started: float, ended: float) -> list[float]:
        """Return the totals of a stretch of time."""
        return [total for at, total in zip(self.at, self.total, strict=True) if started <= at <= ended]

    def add(self, processes: list[psutil.Process]) -> None:
        """Look once."""
        total = 0.0
        self.at.append(time.time())
        for process in processes:
            with contextlib.suppress(psutil.Error):
                resident = process.memory_info().rss / MEBIBYTE
                total += resident
                name = next((name for name, pid in self.peaks if pid == process.pid), None) or role(process)
                self.peaks[name, process.pid] = max(resident, self.peaks.get((name, process.pid), 0.0))
        self.total.append(total)


@contextmanager
def watched_memory(processes: Callable[[], list[psutil.Process]], *, every: float) -> Iterator[MemoryOverTime]:
    """Look at the memory of processes every so many seconds while the block runs."""
    memory, stop = MemoryOverTime(), threading.Event()

    def watch() -> None:
        while not stop.wait(every):
            memory.add(processes())

    memory.add(processes())
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        stop.set()
        thread.join()
