"""The highest rate at which a service keeps its p99 below what is wanted, per model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from loadtest.errors import BenchmarkError
from loadtest.generator.arrivals import Step
from loadtest.generator.capacity_search import Found, Point, search
from loadtest.generator.plan import Plan
from loadtest.generator.plots import points_plot
from loadtest.generator.processes import Session
from loadtest.generator.results import Results
from loadtest.generator.running import Target, run
from loadtest.report import Report

CAPACITY = "capacity.json"
PLOT = "capacity.svg"

# For requests that a rate beyond the capacity leaves behind.
LEAST_TIMEOUT_SECONDS = 10.0
_TIMEOUTS_OF_TARGET = 20


def find(
    session: Session,
    plan: Plan,
    target: Target,
    *,
    first: float,
    most: float,
    seconds: float,
    warm_up: float,
    p99_ms: float,
    error_share: float,
    console: Console,
) -> tuple[Found, Results | None]:
    """Search.

    Args:
        session: the generator.
        plan: what to send; its steps are made here.
        target: the service.
        first: rate to begin with.
        most: rate beyond which nobody is interested.
        seconds: of each step, after its warm-up.
        warm_up: seconds before, at the same rate.
        p99_ms: what p99 must stay below.
        error_share: of the requests of a step, 0 to 1.
        console: where progress is shown.

    Returns:
        What was found, and the last run at its capacity.
    """
    kept: dict[float, Results] = {}
    timeout = max(LEAST_TIMEOUT_SECONDS, _TIMEOUTS_OF_TARGET * p99_ms / 1e3)

    def measure(rate: float) -> Point:
        steps = [Step(rate=rate, seconds=warm_up, warm_up=True)] if warm_up else []
        steps.append(Step(rate=rate, seconds=seconds))
        this = plan.model_copy(update={"steps": steps, "timeout_seconds": timeout})
        results = run(session, this, target, title=f"Capacity, {rate:,.1f}/s", settings={}, console=console)
        if results.measured.stopped:
            raise BenchmarkError("The search was ended; nothing is known of the capacity.")
        point = point_of(results, rate, p99_ms, error_share)
        console.print(_line(point), markup=False)
        kept[rate] = results
        return point

    found = search(measure, first, p99_ms, most)
    return found, kept.get(found.capacity)


def point_of(results: Results, rate: float, p99_ms: float, error_share: float) -> Point:
    """Return what a run at one rate gave."""
    step = results.measured.counted[-1]
    used = [sum(sample.cpu.values()) for sample in results.server.samples if sample.cpu]
    is_good = (
        results.is_valid and step.times.count > 0 and step.times.p99_ms < p99_ms
        and step.counts.error_share <= error_share
    )  # fmt: skip
    return Point(
        rate=rate,
        sent=round(step.sent_per_second, 3),
        p50_ms=step.times.p50_ms,
        p99_ms=step.times.p99_ms,
        errors=step.counts.failed,
        valid=results.is_valid,
        cpu_cores=round(sum(used) / len(used), 3) if used else None,
        good=is_good,
    )


def replicas_of(results: Results | None, deployment: str) -> int | None:
    """Return how many replicas a deployment had at most, as far as somebody looked."""
    if results is None:
        return None
    seen = [each.replicas for each in results.server.metrics]
    seen += [each.replicas for each in results.server.samples]
    return max((each.get(deployment, 0) for each in seen), default=0) or None


def content(found: Found, **known: Any) -> dict[str, Any]:
    """Return what capacity.json holds, beside what the caller knows of model and service."""
    lowest = min((point for point in found.points if point.p50_ms), key=lambda point: point.rate, default=None)
    return {
        **known,
        "points": [point.model_dump(exclude={"good"}) for point in found.points],
        "capacity_per_s": round(found.capacity, 3),
        "seconds_per_request": lowest.p50_ms / 1e3 if lowest else None,
        "confirmed": found.is_confirmed,
        "limited_by_generator": found.is_limit_of_generator,
    }


def write(data: Mapping[str, Any], found: Found, folder: Path) -> None:
    """Write capacity.json and a plot.

    Raises:
        BenchmarkError: the folder cannot be written.
    """
    points = [(point.rate, point.p99_ms, point.valid) for point in found.points]
    limit = float(data["p99_target_ms"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CAPACITY).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
        drawn = points_plot(f"Capacity of {data['model']}", points, limit=limit, best=found.capacity)
        (folder / PLOT).write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise BenchmarkError(f"{folder} cannot be written: {error.strerror}.") from None


def report(data: Mapping[str, Any], found: Found) -> Report:
    """Put a search into a table."""
    columns = ["Rate/s", "Sent/s", "p50 ms", "p99 ms", "Errors", "Server's cores", "Good"]
    rows = [
        [
            f"{point.rate:,.1f}", f"{point.sent:,.1f}", f"{point.p50_ms:,.1f}", f"{point.p99_ms:,.1f}",
            f"{point.errors:,}", "" if point.cpu_cores is None else f"{point.cpu_cores:.2f}",
            "yes" if point.good else "no" if point.valid else "invalid",
        ]
        for point in sorted(found.points, key=lambda point: point.rate)
    ]  # fmt: skip
    wanted = f"p99 below {data['p99_target_ms']:g} ms"
    notes = [f"Capacity of {data['model']} with {wanted}: {found.capacity:,.1f} requests/s."]
    if not found.capacity:
        notes = [f"No rate kept {wanted}."]
    elif not found.is_confirmed:
        notes.append("It was not good again when it was measured again: rounds differ too much here.")
    if found.is_limit_of_generator:
        notes.append("The generator's limit, not the service's: higher rates could not be sent. Give it more workers.")
    return Report(f"Capacity of {data['model']}", columns, rows, notes, dict(data))


def _line(point: Point) -> str:
    verdict = "good" if point.good else "too much" if point.valid else "the generator could not drive it"
    return (
        f"{point.rate:,.1f}/s: p50 {point.p50_ms:,.1f} ms, p99 {point.p99_ms:,.1f} ms, {point.errors} errors: {verdict}"
    )
