"""A run of wrk, and the processor time that it and the service took meanwhile."""

from __future__ import annotations

import math
import resource
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil

from loadtest import wrk
from loadtest.payloads import Payload
from loadtest.ray_processes import CpuMeter, by_role
from loadtest.wrk import WrkResult

# Its role beside those of the service's processes.
WRK = "wrk"


@dataclass(frozen=True, slots=True)
class Load:
    """One run of wrk.

    Attributes:
        result: what it measured.
        cpu_seconds: of a core, by the role of the processes that took them; wrk itself is one.
    """

    result: WrkResult
    cpu_seconds: dict[str, float]

    @property
    def client_share(self) -> float:
        """Of a core, that wrk itself took."""
        return self.cpu_seconds[WRK] / self.result.seconds

    @property
    def service_seconds(self) -> dict[str, float]:
        """Seconds of a core by role, without wrk's."""
        return {role: seconds for role, seconds in self.cpu_seconds.items() if role != WRK}

    def cpu_ms(self, role: str) -> float:
        """Milliseconds of a core that a role took for each response; not a number where none came."""
        return 1e3 * self.cpu_seconds.get(role, 0.0) / (self.result.requests or math.nan)


def load(
    processes: Callable[[], list[psutil.Process]],
    urls: Sequence[str],
    payloads: Sequence[Payload],
    *,
    connections: int,
    seconds: float,
    headers: Mapping[str, str] | None = None,
) -> Load:
    """Send payloads, and measure what the processes take meanwhile.

    Args:
        processes: returns the service's.
        urls: where to send them; several share the connections, each has a wrk of its own.
        payloads: bodies, sent in turn.
        connections: requests that are out at any time.
        seconds: length of the run.
        headers: of every request, beside its content type.

    Raises:
        BenchmarkError: wrk is not installed or failed.
    """
    meter, before = CpuMeter(processes), _children_seconds()
    counts = [max(1, connections // len(urls)) for _ in urls]
    with ThreadPoolExecutor(len(urls)) as pool:
        runs = [
            pool.submit(wrk.run, url, payloads, connections=count, seconds=seconds, headers=headers)
            for url, count in zip(urls, counts, strict=True)
        ]
        results = [each.result() for each in runs]
    # wrk is the only child that has ended since.
    return Load(together(results), by_role([*meter.used(), (WRK, _children_seconds() - before)]))


def together(results: Sequence[WrkResult]) -> WrkResult:
    """Return runs that were at the same time as one; its latencies are those of the slowest."""
    if len(results) == 1:
        return results[0]
    return WrkResult(
        requests=sum(each.requests for each in results),
        seconds=max(each.seconds for each in results),
        p50_ms=max(each.p50_ms for each in results),
        p90_ms=max(each.p90_ms for each in results),
        p99_ms=max(each.p99_ms for each in results),
        max_ms=max(each.max_ms for each in results),
        failed_responses=sum(each.failed_responses for each in results),
        failed_connections=sum(each.failed_connections for each in results),
    )


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
