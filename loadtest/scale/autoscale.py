"""One replica at a steady load, then several times of it, then as before: when replicas come and go."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from loadtest.errors import BenchmarkError
from loadtest.open_loop import Generator
from loadtest.overload_figures import answered, per_second
from loadtest.payloads import Payload
from loadtest.report import Report
from loadtest.scale.autoscale_figures import Step, report
from loadtest.scale.autoscale_plot import draw
from loadtest.scale.stages import Served, Subject
from loadtest.serve_logs import Event, ServeLogs, wait_for

# Requests that one replica should have at once; the step brings more than that.
CONCURRENT_REQUESTS = 8
UTILIZATION = 0.7
# As many as saturate a replica, and fewer than make another one come.
CAPACITY_CLIENTS = 4
CAPACITY_SECONDS = 5.0
# What of a replica's capacity the load before the step takes.
SHARE = 0.6

MARGIN_SECONDS = 30
TAIL_SECONDS = 5

# Nobody waits for a place among the generator's clients: requests come at their rate.
ALL_CLIENTS = 1_000_000

ENVIRONMENT = {
    # Replicas write down calls in blocks of a thousand, and a removed one does not write its last block.
    "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1",
    # Until the added replicas run, some thousand requests gather, each on a connection of its own. Beyond HAProxy's
    # limit of 4,096 those to come would wait until others are closed for idleness, which takes longer than the step.
    "RAY_SERVE_HAPROXY_MAXCONN": "7500",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The load over time.

    Attributes:
        rate: requests a second before and after; None for a share of what one replica can do.
        factor: how many times as many in the step.
        before: seconds before the step.
        seconds: length of the step.
    """

    rate: float | None
    factor: float
    before: float
    seconds: float


def measure(
    subject: Subject,
    shape: Shape,
    *,
    max_replicas: int,
    removal_seconds: float,
    target_ms: float | None,
    rounds: int,
    plot: Path | None,
) -> Report:
    """Load one replica, then several times as much, then as before.

    Args:
        subject: the stage.
        shape: the load.
        max_replicas: that there may be.
        removal_seconds: how long little load must last before replicas are removed.
        target_ms: of p99; None for twice what it was before.
        rounds: how many.
        plot: file for a picture of the last round; None for none.

    Raises:
        BenchmarkError: the service failed, no replica was added, or the picture cannot be made.
    """
    scaling = {
        "min_replicas": 1,
        "max_replicas": max_replicas,
        "max_concurrent_requests": CONCURRENT_REQUESTS,
        "target_utilization": UTILIZATION,
        "scale_down_delay_seconds": removal_seconds,
    }
    rate, steps = shape.rate, list[Step]()
    with subject.served(scaling, environment=ENVIRONMENT) as served:
        for _ in range(rounds):
            with _generators() as generators:
                capacity = _capacity(served, generators, subject.payloads)
                rate = rate or SHARE * capacity
                steps.append(
                    _step(served, generators, subject.payloads, shape, rate=rate, removal_seconds=removal_seconds)
                )
    if plot is not None:
        draw(steps[-1], plot, target_ms=target_ms)
    return report(subject.stage.value, steps, target_ms=target_ms, removal_seconds=removal_seconds)


@contextmanager
def _generators() -> Iterator[tuple[Generator, Generator]]:
    """Yield one for the steady load and one for what the step adds, so that neither waits for the other."""
    steady, more = Generator(), Generator()
    try:
        yield steady, more
    finally:
        steady.stop()
        more.stop()


def _capacity(served: Served, generators: tuple[Generator, Generator], payloads: Sequence[Payload]) -> float:
    """Return the requests a second that one replica answers; meanwhile both generators start."""
    for generator in generators:
        requests = generator.closed(served.url, payloads, clients=CAPACITY_CLIENTS, seconds=CAPACITY_SECONDS).result()
    if not (found := per_second(answered(requests), requests)):
        raise BenchmarkError("The service answered no request.")
    return found


def _step(
    served: Served,
    generators: tuple[Generator, Generator],
    payloads: Sequence[Payload],
    shape: Shape,
    *,
    rate: float,
    removal_seconds: float,
) -> Step:
    logs = ServeLogs.of(served.service.processes())
    steady, more = generators
    since = time.time()
    longest = shape.before + shape.seconds + removal_seconds + 3 * MARGIN_SECONDS
    all_along = steady.paced(served.url, payloads, rate=rate, clients=ALL_CLIENTS, seconds=longest)
    time.sleep(shape.before)
    added = more.paced(
        served.url, payloads, rate=rate * (shape.factor - 1), clients=ALL_CLIENTS, seconds=shape.seconds
    ).result()
    begun, ended = min(added).due, max(each.due for each in added)
    if logs.wait_for("decided to add", served.deployment, since=since, seconds=0) is None:
        steady.end()
        raise BenchmarkError("No replica was added; the load may be too small: try more --rate, --factor or --seconds.")
    gone = _wait_until_removed(logs, served.deployment, ended, removal_seconds)
    time.sleep(TAIL_SECONDS)
    steady.end()
    requests = sorted([*all_along.result(), *added])
    events = logs.events(served.deployment, since=since)
    answered = _first_answer(logs, events)
    target_in_flight = UTILIZATION * CONCURRENT_REQUESTS
    return Step(rate, shape.factor, begun, ended, requests, events, answered, gone, target_in_flight)


def _wait_until_removed(logs: ServeLogs, deployment: str, ended: float, removal_seconds: float) -> float | None:
    """Return when all but one replica had gone; None if that takes too long."""

    def removed() -> float | None:
        events = logs.events(deployment, since=0)
        pids = processes_left(events)
        return time.time() if len(pids) == 1 and _ended_all(events, pids) else None

    if logs.wait_for("decided to remove", deployment, since=ended, seconds=removal_seconds + MARGIN_SECONDS) is None:
        return None
    return wait_for(removed, MARGIN_SECONDS)


def processes_left(events: Sequence[Event]) -> set[int]:
    """Return the processes of replicas that run and were not told to stop, by all that happened."""
    started = {event.replica: event.pid for event in events if event.kind == "running"}
    stopped = {event.replica for event in events if event.kind == "stopping"}
    return {pid for replica, pid in started.items() if replica not in stopped}


def _ended_all(events: Sequence[Event], left: set[int]) -> bool:
    pids = {event.pid for event in events if event.kind == "running"} - left
    return not any(psutil.pid_exists(pid) for pid in pids)


def _first_answer(logs: ServeLogs, events: Sequence[Event]) -> float | None:
    times = [logs.first_answer(event.replica) for event in events if event.kind == "running"]
    return min((each for each in times if each is not None), default=None)
