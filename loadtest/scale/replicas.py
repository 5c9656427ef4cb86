"""How throughput grows with the replicas of a stage on one node."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from loadtest import loads, wrk
from loadtest.loads import Load
from loadtest.options import Stage
from loadtest.report import Report
from loadtest.scale.stages import Subject, by_kind, fixed
from loadtest.spread import spread


@dataclass(frozen=True, slots=True)
class Growth:
    """One stage with one number of replicas.

    Attributes:
        stage: which.
        replicas: how many.
        clients: requests out at any time.
        rounds: what was measured.
    """

    stage: Stage
    replicas: int
    clients: int
    rounds: list[Load] = field(default_factory=list)

    @property
    def rates(self) -> list[float]:
        """Successful responses a second, round by round."""
        return [each.result.requests_per_second for each in self.rounds]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure of one stage.

    Attributes:
        subject: the stage.
        counts: of its replicas.
        clients: requests out at any time.
    """

    subject: Subject
    counts: Sequence[int]
    clients: int


def measure(plans: Sequence[Plan], *, seconds: float, warm_up: float, rounds: int) -> Report:
    """Load each stage with each number of replicas, all of them in each round.

    Args:
        plans: of each stage.
        seconds: length of a measurement.
        warm_up: seconds of load before.
        rounds: how many.

    Raises:
        BenchmarkError: a service or wrk failed.
    """
    wrk.wrk_path()
    found = {
        (plan.subject.stage, count): Growth(plan.subject.stage, count, plan.clients)
        for plan in plans
        for count in plan.counts
    }
    for _ in range(rounds):
        for plan in plans:
            for count in plan.counts:
                load = _load(plan, count, seconds=seconds, warm_up=warm_up)
                found[plan.subject.stage, count].rounds.append(load)
    waits = [plan.subject.wait_ms for plan in plans if plan.subject.stage is Stage.WAITING]
    return report(list(found.values()), cores=len(os.sched_getaffinity(0)), waits=waits)


def _load(plan: Plan, count: int, *, seconds: float, warm_up: float) -> Load:
    payloads = plan.subject.payloads
    with plan.subject.served(fixed(count)) as served:
        if warm_up:
            wrk.run(served.url, payloads, connections=plan.clients, seconds=warm_up)
        return loads.load(served.service.processes, [served.url], payloads, connections=plan.clients, seconds=seconds)


def report(points: Sequence[Growth], *, cores: int, waits: Sequence[float] = ()) -> Report:
    """Put measurements into a table.

    Args:
        points: those of each stage with its fewest replicas first.
        cores: of this machine.
        waits: milliseconds for each request of the stage that waits, if that was measured.
    """
    first: dict[Stage, Growth] = {}
    for point in points:
        first.setdefault(point.stage, point)
    rounds = points[0].rounds
    notes = [
        f"Median of {len(rounds)} rounds of {rounds[0].result.seconds:.0f} s (lowest-highest), all rows in each.",
        f"{cores} cores for load and service: where a stage computes, growth beyond them cannot be seen here.",
    ]
    notes.extend(_of_waiting(wait_ms) for wait_ms in waits)
    columns = [
        "Stage", "Replicas", "Clients", "Requests/s", "Times the first", "p50 ms", "p99 ms", "Errors",
        "CPU ms a request", "of it HAProxy", "ingress", "models", "Ray", "Cores busy",
    ]  # fmt: skip
    rows = [_row(point, first[point.stage]) for point in points]
    return Report("Growth with replicas", columns, rows, notes, {"points": [asdict(each) for each in points]})


def _of_waiting(wait_ms: float) -> str:
    if not wait_ms:
        return "The stage named waiting answers at once: what there is, is the router's."
    return (
        f"The stage named waiting does {1000 / wait_ms:,.0f} requests/s in each replica ({wait_ms:g} ms each, without "
        "computing): where its column falls short of that times its replicas, the router has no more."
    )


def _row(point: Growth, first: Growth) -> list[str]:
    results = [each.result for each in point.rounds]
    times = [ours / theirs for ours, theirs in zip(point.rates, first.rates, strict=True) if theirs]
    return [
        point.stage.value,
        str(point.replicas),
        str(point.clients),
        spread(point.rates).text(0),
        spread(times).text(2) if times else "-",
        spread([each.p50_ms for each in results]).text(),
        spread([each.p99_ms for each in results]).text(),
        str(sum(each.errors for each in results)),
        *cpu_cells(point.rounds),
        spread([sum(each.service_seconds.values()) / each.result.seconds for each in point.rounds]).text(),
    ]


def cpu_cells(rounds: Sequence[Load], ingress: Sequence[str] = ("ingress",)) -> list[str]:
    """Return milliseconds of a core for each response: of all the service, and by what processes are for."""
    totals, kinds = [], []
    for load in rounds:
        if load.result.requests:
            found = by_kind(load.service_seconds, ingress)
            totals.append(1e3 * sum(found.values()) / load.result.requests)
            kinds.append({kind: 1e3 * seconds / load.result.requests for kind, seconds in found.items()})
    if not totals:
        return ["-"] * 5
    return [spread(totals).text(2), *(f"{spread([each[kind] for each in kinds]).median:.2f}" for kind in kinds[0])]
