"""What an overload did, in figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from statistics import median

from loadtest.memory_over_time import MemoryOverTime
from loadtest.open_loop import Timed
from loadtest.report import Report

REFUSED = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(frozen=True, slots=True)
class Overload:
    """What was measured; times are in seconds since the epoch.

    Attributes:
        at_capacity: requests while as many clients asked as the service works on.
        in_overload: requests of the overload.
        after: requests after it, few enough that a sound service refuses none.
        health: health checks during the overload.
        memory: of all processes of the service.
    """

    at_capacity: list[Timed]
    in_overload: list[Timed]
    after: list[Timed]
    health: list[Timed]
    memory: MemoryOverTime


def answered(requests: Sequence[Timed]) -> list[Timed]:
    """Return the requests that were answered as they should be."""
    return [each for each in requests if each.status == HTTPStatus.OK]


def refused(requests: Sequence[Timed]) -> list[Timed]:
    """Return the requests that were refused for now."""
    return [each for each in requests if each.status in REFUSED]


def percentile(requests: Sequence[Timed], share: float) -> float:
    """Return the time that a share of the requests did not exceed, in milliseconds; 0 if there are none."""
    times = sorted(each.seconds for each in requests)
    return times[min(int(share * len(times)), len(times) - 1)] * 1e3 if times else 0.0


def recovery_seconds(after: Sequence[Timed], limit_ms: float) -> float | None:
    """Return how long after an overload the last request was sent that was refused, failed or took too long.

    Args:
        after: requests since its end.
        limit_ms: what a request may take.

    Returns:
        Seconds, 0 if there was none; None if even the last one was.
    """
    ordered = sorted(after)
    poor = [each for each in ordered if each.status != HTTPStatus.OK or each.seconds * 1e3 > limit_ms]
    if not poor:
        return 0.0
    return None if poor[-1] is ordered[-1] else poor[-1].ended - ordered[0].due


def report(model: str, found: Overload, *, clients: int, factor: float) -> Report:
    """Put what was measured into a table.

    Args:
        model: what was loaded.
        found: what was measured.
        clients: how many asked at capacity.
        factor: how much more was sent in overload.
    """
    overload, capacity = found.in_overload, found.at_capacity
    good, turned_away = answered(overload), refused(overload)
    others = len(overload) - len(good) - len(turned_away)
    p99, p99_at_capacity = percentile(good, 0.99), percentile(answered(capacity), 0.99)
    begin, end = min(overload).due, max(each.due for each in overload)
    recovery = recovery_seconds(found.after, p99_at_capacity)
    wrong = sum(each.status != HTTPStatus.OK for each in found.health)
    rows = [
        ["Answered a second, at capacity", f"{per_second(answered(capacity), capacity):,.0f}"],
        ["Sent a second, in overload", f"{len(overload) / (end - begin or 1):,.0f}"],
        ["Answered a second, in overload", f"{per_second(good, overload):,.0f}"],
        ["Answers: median / p99 at capacity, ms", f"{_middle(answered(capacity))} / {p99_at_capacity:,.0f}"],
        ["Answers: median / p99 in overload, ms", f"{_middle(good)} / {p99:,.0f}"],
        ["p99 in overload / at capacity", f"{p99 / p99_at_capacity:.2f}"],
        ["Refusals: median / p99, ms", f"{_middle(turned_away)} / {percentile(turned_away, 0.99):,.0f}"],
        ["Requests refused", f"{len(turned_away):,} of {len(overload):,}"],
        ["Requests that failed otherwise", f"{others:,}"],
        ["Health checks: p99, ms", f"{percentile(found.health, 0.99):,.0f}"],
        ["Health checks that failed", f"{wrong} of {len(found.health)}"],
        ["Memory before, MiB", f"{_mean(found.memory.between(0, begin)):,.0f}"],
        ["Memory in the first / last quarter of the overload, MiB", _quarters(found.memory, begin, end)],
        ["Until answers took no longer than at capacity, s", "never" if recovery is None else f"{recovery:.1f}"],
    ]
    return Report(
        f"Overload of {model} at {factor:g} times its capacity for {end - begin:.0f} s",
        ["", "Figure"],
        rows,
        [
            (
                f"At capacity {clients} clients each wait for their answer; in overload requests come at their "
                f"rate, unless {factor * clients:.0f} clients wait already. Resident memory of all processes."
            )
        ],
        {key: value for key, value in asdict(found).items() if key != "memory"}
        | {"memory": {"at": found.memory.at, "mib": found.memory.total}},
    )


def per_second(some: Sequence[Timed], every: Sequence[Timed]) -> float:
    """Return how many of some requests there were for each second that it took to answer every one."""
    return len(some) / (max(each.ended for each in every) - min(each.due for each in every) or 1.0)


def _middle(requests: Sequence[Timed]) -> str:
    return f"{median(each.seconds for each in requests) * 1e3:,.0f}" if requests else "-"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _quarters(memory: MemoryOverTime, begin: float, end: float) -> str:
    quarter = (end - begin) / 4
    first, last = memory.between(begin, begin + quarter), memory.between(end - quarter, end)
    return f"{_mean(first):,.0f} / {_mean(last):,.0f}"
