"""What a service without traffic takes of the processor, beside bare Ray Serve."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from loadtest import ray_processes
from loadtest.configs import Config
from loadtest.errors import BenchmarkError
from loadtest.ports import free_port
from loadtest.report import Report
from loadtest.service import Service, running, serving
from loadtest.spread import spread

# By Ray Serve's name for the file; the service keeps all of HAProxy's files beside it.
_HAPROXY_FILE = "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC"
_FAST_MODE = {"RAY_SERVE_ENABLE_HA_PROXY", "RAY_SERVE_THROUGHPUT_OPTIMIZED"}

Shares = list[tuple[str, float]]


def measure(config: Config, *, seconds: float, settle_seconds: float, rounds: int) -> Report:
    """Measure the service, then bare Ray Serve with the same environment variables of Ray Serve.

    Args:
        config: the service's.
        seconds: length of a round.
        settle_seconds: how long to leave each alone first.
        rounds: how many of each.

    Raises:
        BenchmarkError: one of the two did not start.
    """
    environment: dict[str, str] = {}

    def observe(service: Service) -> None:
        environment.update(ray_serve_environment(service.processes()))

    product = _rounds(lambda: serving(config), observe, seconds, settle_seconds, rounds)
    with TemporaryDirectory(prefix="loadtest-") as directory:
        bare_environment = moved(environment, directory)
        command = [sys.executable, "-m", "loadtest.bare_serve", str(free_port())]
        bare = _rounds(
            lambda: running(command, environment=bare_environment), lambda _: None, seconds, settle_seconds, rounds
        )
    return report(product, bare, seconds)


def ray_serve_environment(processes: Iterable[psutil.Process]) -> dict[str, str]:
    """Return the variables of Ray Serve's fast mode in the service, and where it keeps HAProxy's files.

    Raises:
        BenchmarkError: no process of Ray's is there.
    """
    for process in processes:
        if ray_processes.role(process) == "Ray raylet":
            found = process.environ().items()
            return {
                name: value
                for name, value in found
                if name in _FAST_MODE
                or (name.startswith("RAY_SERVE_HAPROXY_") and name != "RAY_SERVE_HAPROXY_METRICS_ENABLED")
            }
    raise BenchmarkError("The service runs no Ray.")


def moved(environment: dict[str, str], directory: str) -> dict[str, str]:
    """Put another directory in place of the one that the service kept HAProxy's files in."""
    if _HAPROXY_FILE not in environment:
        return environment
    old = str(Path(environment[_HAPROXY_FILE]).parent)
    return {name: value.replace(old, directory) for name, value in environment.items()}


def report(product: list[Shares], bare: list[Shares], seconds: float) -> Report:
    """Put both into a table: the processes of the middle round, totals of all."""
    totals = [_total(shares) for shares in product], [_total(shares) for shares in bare]
    difference = spread(totals[0]).median - spread(totals[1]).median
    service, other = (ray_processes.by_role(_middle(shares)) for shares in (product, bare))
    roles = [*service, *(role for role in other if role not in service)]
    rows = [[role, _percent(service.get(role)), _percent(other.get(role))] for role in roles]
    rows.append(["all", spread(totals[0]).text(), spread(totals[1]).text()])
    return Report(
        "Processor time without traffic, % of a core",
        ["Process", "Service", "Bare Ray Serve"],
        rows,
        [
            (
                f"The service takes {abs(difference):.1f} % of a core {'less' if difference < 0 else 'more'} than bare "
                "Ray Serve in the same mode; "
                f"medians of {len(product)} rounds of {seconds:g} s (lowest-highest)."
            )
        ],
        {"service": product, "bare": bare, "difference_percent": difference},
    )


def _rounds(
    start: Callable[[], AbstractContextManager[Service]],
    observe: Callable[[Service], None],
    seconds: float,
    settle_seconds: float,
    rounds: int,
) -> list[Shares]:
    with start() as service:
        observe(service)
        time.sleep(settle_seconds)
        return [ray_processes.cpu_shares(service.processes, seconds) for _ in range(rounds)]


def _middle(rounds: list[Shares]) -> Shares:
    return sorted(rounds, key=_total)[len(rounds) // 2]


def _total(shares: Shares) -> float:
    return sum(share for _, share in shares) * 100


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.2f}"
