"""The processes of a Ray Serve application by role, and what they take."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import psutil

# Ray names a replica's process so; during some calls the method's name follows.
_REPLICA = re.compile(r"^ray::ServeReplica:[^:]+:(?P<deployment>.+?)(?:\.\w*_\w+)?$")
_STARTING_REPLICA = re.compile(r"^ray::SERVE_REPLICA::[^#]+#(?P<deployment>[^#]+)#")

_BY_TITLE = {
    "ray::ServeController": "Serve controller",
    "ray::ProxyActor": "Serve fallback proxy",
    "ray::HAProxyManager": "HAProxy manager",
    "ray::DashboardAgent": "Ray dashboard agent",
    "ray::RuntimeEnvAgent": "Ray environment agent",
    "ray::IDLE": "Ray idle worker",
}
_BY_FILE = {
    "gcs_server": "Ray GCS",
    "raylet": "Ray raylet",
    "haproxy": "HAProxy",
    "dashboard.py": "Ray dashboard",
    "monitor.py": "Ray autoscaler monitor",
    "log_monitor.py": "Ray log monitor",
}


def role(process: psutil.Process) -> str:
    """Return what a process does; its own name where that is not known."""
    try:
        return role_of(process.cmdline()) or process.name()
    except psutil.Error:
        return "gone"


def role_of(arguments: list[str]) -> str:
    """Return the role that a command line shows; empty if none."""
    if not arguments:
        return ""
    title = arguments[0].strip()
    if match := _REPLICA.match(title):
        return f"replica {match['deployment']}"
    if match := _STARTING_REPLICA.match(title):
        return f"replica {match['deployment']} (starting)"
    for beginning, known in _BY_TITLE.items():
        if title.startswith(beginning):
            return known
    names = [argument.rpartition("/")[2] for argument in arguments[:4]]
    return next((_BY_FILE[name] for name in names if name in _BY_FILE), "")


def replicas(processes: Iterable[psutil.Process], deployment: str) -> list[psutil.Process]:
    """Return the processes of one deployment's replicas that have started."""
    return [process for process in processes if role(process) == f"replica {deployment}"]


def replica_counts(processes: Iterable[psutil.Process]) -> dict[str, int]:
    """Return how many replicas each deployment has."""
    roles = [role(process) for process in processes]
    names = [name.removeprefix("replica ") for name in roles if name.startswith("replica ")]
    return dict(Counter(name for name in names if not name.endswith("(starting)")))


def more_than_one(replicas: Mapping[str, int]) -> str:
    """Name the deployments that have several replicas."""
    return ", ".join(f"{count} {name}" for name, count in sorted(replicas.items()) if count > 1) or "one each"


class CpuMeter:
    """Processor time that processes take from now on.

    Args:
        processes: returns them; asked now and when the meter is read, so that new ones count too.
    """

    def __init__(self, processes: Callable[[], list[psutil.Process]]) -> None:
        self._processes = processes
        self._before = {process: _cpu_seconds(process) for process in processes()}

    def used(self) -> list[tuple[str, float]]:
        """Return role and seconds of each process; one that has ended meanwhile is left out."""
        after = {process: _cpu_seconds(process) for process in self._processes()}
        return [
            (role(process), used - (self._before.get(process) or 0.0))
            for process, used in after.items()
            if used is not None
        ]


def cpu_shares(processes: Callable[[], list[psutil.Process]], seconds: float) -> list[tuple[str, float]]:
    """Measure what share of a core each process takes.

    Args:
        processes: returns them; asked before and after, so that new ones count too.
        seconds: how long.

    Returns:
        Role and share, 1 for a whole core; the largest first. A process that ends meanwhile is left out.
    """
    meter, started = CpuMeter(processes), time.monotonic()
    time.sleep(seconds)
    used, passed = meter.used(), time.monotonic() - started
    return sorted(((name, taken / passed) for name, taken in used), key=lambda item: -item[1])


def by_role(processes: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Add up what the processes of each role take."""
    found: dict[str, float] = {}
    for name, taken in processes:
        found[name] = found.get(name, 0.0) + taken
    return found


@dataclass(frozen=True, slots=True)
class Memory:
    """What one process holds, in MiB.

    Attributes:
        role: what it does.
        resident: memory that is in RAM, shared pages included.
        unique: memory that would be free if it ended.
    """

    role: str
    resident: float
    unique: float


def memory(processes: Iterable[psutil.Process]) -> list[Memory]:
    """Measure each process, the largest first."""
    found = []
    for process in processes:
        try:
            info = process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        found.append(Memory(role(process), info.rss / 2**20, info.uss / 2**20))
    return sorted(found, key=lambda item: -item.unique)


def _cpu_seconds(process: psutil.Process) -> float | None:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return None
    return float(times.user + times.system)
