"""The server's processes while requests come: CPU, memory, open handles, threads, replicas, sampled from outside."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from loadtest.errors import BenchmarkError
from loadtest.generator.ray_metrics import local_metrics_url, scrape
from loadtest.generator.results import ReplicaSample, Sample, ServerSide
from loadtest.ray_processes import CpuMeter, by_role, replica_counts, role

# Of a run; more would say no more, and looking costs the service time.
MOST_SAMPLES = 600
MOST_MEMORY_SAMPLES = 120
LEAST_SECONDS = 1.0
LEAST_MEMORY_SECONDS = 5.0

Processes = Callable[[], list[psutil.Process]]


def tree_of(pid: int) -> Processes:
    """Return what finds a process and all that it has started.

    Raises:
        BenchmarkError: there is no such process.
    """
    try:
        root = psutil.Process(pid)
    except psutil.NoSuchProcess:
        raise BenchmarkError(f"There is no process {pid} on this machine.") from None

    def found() -> list[psutil.Process]:
        try:
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    return found


class Watch:
    """Samples of a service, from `begin` on.

    Args:
        processes: finds the server's; None where they are on another machine.
        metrics_url: Prometheus text with Ray's metrics; empty for none.
        seconds: length of the run, which decides how often to look.
    """

    def __init__(self, processes: Processes | None, metrics_url: str, seconds: float) -> None:
        self._processes = processes
        self._every = max(LEAST_SECONDS, seconds / MOST_SAMPLES)
        self._memory_every = max(LEAST_MEMORY_SECONDS, seconds / MOST_MEMORY_SAMPLES)
        self._begun = time.monotonic()
        self._meter: CpuMeter | None = None
        self._looked = self._begun
        self._memory_at = 0.0
        self.seen = ServerSide(metrics_url=metrics_url)

    def begin(self) -> None:
        """Count time from now on, and forget what was seen."""
        self._begun = time.monotonic()
        self.seen = ServerSide(metrics_url=self.seen.metrics_url)

    def look(self) -> None:
        """Take a sample."""
        now = time.monotonic()
        if self._processes is not None and (found := self._processes()):
            self.seen.samples.append(self._sample(found, now))
        if self.seen.metrics_url:
            with suppress(BenchmarkError):
                sample = ReplicaSample(at=now - self._begun, replicas=scrape(self.seen.metrics_url))
                self.seen.metrics.append(sample)

    def watch_until(self, stopped: threading.Event) -> None:
        """Take samples until then."""
        while not stopped.wait(self._every):
            self.look()

    def _sample(self, processes: list[psutil.Process], now: float) -> Sample:
        cpu = by_role(self._meter.used()) if self._meter is not None else {}
        passed, self._looked = now - self._looked, now
        self._meter = CpuMeter(lambda: processes)
        sample = Sample(
            at=now - self._begun,
            cpu={kind: round(used / passed, 4) for kind, used in cpu.items()},
            replicas=replica_counts(processes),
            machine=psutil.cpu_percent() / 100,
        )
        sample.handles, sample.threads = _handles_and_threads(processes)
        if now - self._memory_at >= self._memory_every:
            self._memory_at = now
            sample.memory = memory_by_kind(processes)
        return sample


@contextmanager
def watched(processes: Processes | None, metrics_url: str, seconds: float) -> Iterator[Watch]:
    """Take samples while the block runs; without an address, Ray's exporter among the processes is asked."""
    if not metrics_url and processes is not None:
        metrics_url = local_metrics_url(processes())
    watch, stopped = Watch(processes, metrics_url, seconds), threading.Event()
    thread = threading.Thread(target=watch.watch_until, args=[stopped], daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stopped.set()
        thread.join()


def memory_by_kind(processes: list[psutil.Process]) -> dict[str, float]:
    """Return MiB by kind; what processes share counts for each of them in part (PSS), so that sums are right."""
    found: dict[str, float] = {}
    for process in processes:
        with suppress(psutil.Error, OSError, ValueError):
            kind = role(process)
            found[kind] = found.get(kind, 0.0) + _pss(process.pid)
    return {kind: round(size, 2) for kind, size in sorted(found.items())}


def _pss(pid: int) -> float:
    # One file that the kernel sums up; psutil reads that of every mapping beside it.
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _handles_and_threads(processes: list[psutil.Process]) -> tuple[dict[str, int], dict[str, int]]:
    handles: Counter[str] = Counter()
    threads: Counter[str] = Counter()
    for process in processes:
        with suppress(psutil.Error):
            kind = role(process)
            handles[kind] += process.num_fds()
            threads[kind] += process.num_threads()
    return dict(handles), dict(threads)
