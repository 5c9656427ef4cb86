"""Hours of the same traffic: whether anything fails, grows or slows down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from loadtest.generator.arrivals import Step
from loadtest.generator.drift import growth
from loadtest.generator.results import Results, Sample, StepFigures

# Latency is compared window by window.
WINDOWS = 12

MOST_MEMORY_GROWTH = 0.02
MOST_OTHER_GROWTH = 0.05
MOST_P99_GROWTH = 0.1

# Of each window, for a p99 that is more than its slowest few.
ENOUGH_REQUESTS = 500


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a soak is judged by."""

    what: str
    found: str
    wanted: str
    passed: bool


def steps_of(rate: float, seconds: float, warm_up: float) -> list[Step]:
    """Return the steps of a soak: a warm-up, then windows of the same length at the same rate."""
    before = [Step(rate=rate, seconds=warm_up, warm_up=True)] if warm_up else []
    return before + [Step(rate=rate, seconds=seconds / WINDOWS)] * WINDOWS


def default_warm_up(seconds: float) -> float:
    """Return a tenth of the time, at most five minutes."""
    return min(seconds / 10, 300.0)


def judge(results: Results, warm_up: float) -> list[Line]:
    """Say what a soak showed.

    Args:
        results: of its run.
        warm_up: seconds at the beginning that do not count.
    """
    measured = results.measured
    bad = {group.name for group in measured.groups if group.name.endswith(", bad")}
    valid_errors = sum(group.counts.failed for group in measured.groups if group.name not in bad)
    bad_errors = sum(group.counts.failed for group in measured.groups if group.name in bad)
    lines = [Line("Errors among valid requests", f"{valid_errors:,}", "0", not valid_errors)]
    if bad:
        lines.append(Line("Bad requests not refused as they must be", f"{bad_errors:,}", "0", not bad_errors))
    samples = [sample for sample in results.server.samples if sample.at >= warm_up]
    return [*lines, *_of_processes(samples), *_of_latency(measured.counted)]


def verdict_of(lines: Sequence[Line]) -> dict[str, object]:
    """Return lines and whether all passed, for results.json."""
    return {"passed": all(line.passed for line in lines), "lines": [asdict(line) for line in lines]}


def _of_processes(samples: Sequence[Sample]) -> list[Line]:
    lines = []
    for what, name, most in (
        ("Memory growth after the warm-up (PSS)", "memory", MOST_MEMORY_GROWTH),
        ("Growth of open handles", "handles", MOST_OTHER_GROWTH),
        ("Growth of threads", "threads", MOST_OTHER_GROWTH),
    ):
        points = [(sample.at, sum(values.values())) for sample in samples if (values := getattr(sample, name))]
        if len(points) > 2:  # noqa: PLR2004 - a slope of two points is no trend
            at, values = zip(*points, strict=True)
            lines.append(_growth_line(what, growth(at, values), most, f"{values[0]:,.0f} to {values[-1]:,.0f}"))
        else:
            # A service elsewhere passes without; nobody is to take that for memory that stays.
            lines.append(Line(what, "not looked at", f"below {most:.0%}", passed=True))
    return lines


def _of_latency(windows: Sequence[StepFigures]) -> list[Line]:
    lines = []
    for number, group in enumerate(windows[0].groups if windows else []):
        every = [window.groups[number].times for window in windows]
        if group.name.endswith(", bad") or min(times.count for times in every) < ENOUGH_REQUESTS:
            continue
        values = [times.p99_ms for times in every]
        span = f"{min(values):,.1f} to {max(values):,.1f} ms"
        drift = growth([float(each) for each in range(len(values))], values)
        lines.append(_growth_line(f"Growth of p99 of {group.name}", drift, MOST_P99_GROWTH, span))
    return lines


def _growth_line(what: str, found: float, most: float, span: str) -> Line:
    return Line(what, f"{found:+.2%} ({span})", f"below {most:.0%}", found < most)
