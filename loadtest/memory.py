"""Memory at rest, by process."""

from __future__ import annotations

import time
from dataclasses import asdict

from loadtest import ray_processes
from loadtest.configs import Config
from loadtest.ray_processes import Memory
from loadtest.report import Report
from loadtest.service import serving


def measure(config: Config, *, settle_seconds: float) -> Report:
    """Measure a service that has just become ready and has no traffic.

    Args:
        config: the service's.
        settle_seconds: how long to leave it alone first.

    Raises:
        BenchmarkError: the service failed.
    """
    with serving(config) as service:
        time.sleep(settle_seconds)
        processes = ray_processes.memory(service.processes())
    return report(processes)


def report(processes: list[Memory]) -> Report:
    """Put processes into a table."""
    total = Memory("all", sum(each.resident for each in processes), sum(each.unique for each in processes))
    return Report(
        "Memory at rest",
        ["Process", "Resident MiB", "Unique MiB"],
        [[each.role, f"{each.resident:,.0f}", f"{each.unique:,.0f}"] for each in [*processes, total]],
        ["Resident memory counts shared pages once for each process that has them; unique memory leaves them out."],
        {"processes": [asdict(each) for each in processes]},
    )
