"""What all workers report becomes one run, in memory that does not grow with the number of requests."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loadtest.generator.histogram import Histogram
from loadtest.generator.plan import Plan
from loadtest.generator.results import (
    MILLISECONDS,
    GroupFigures,
    Measured,
    Row,
    StepFigures,
    counts_of,
    times_of,
)
from loadtest.generator.tally import EXPECTED, OK, Cell, unpacked
from loadtest.generator.validity import LATE_MS, reasons_of, tolerance_ms

# After its last request may have got its answer, an interval is kept open for reports that come late.
_LATE_REPORT_SECONDS = 5.0
# Progress shows the last few seconds, less what is not reported yet.
_RECENT_SECONDS = 5.0


class Merge:
    """A run that is being put together.

    Args:
        plan: what the workers do.
        workers: how many.
    """

    def __init__(self, plan: Plan, workers: int) -> None:
        self._plan = plan
        self._groups = plan.groups
        self._bad = len(plan.scenarios)
        self._workers = workers
        self._steps: dict[tuple[int, int], Cell] = defaultdict(Cell)
        self._open: dict[int, dict[int, Cell]] = {}
        self._answered: Counter[int] = Counter()
        self._last: dict[int, float] = {}
        self._cpu: dict[tuple[int, int], list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._recent: dict[int, dict[str, Any]] = {}
        self._numbers: Counter[int] = Counter()
        self._rows: list[Row] = []
        self._lost: list[str] = []
        self._gone: set[int] = set()

    def add(self, worker: int, report: Mapping[str, Any]) -> None:
        """Add a worker's report."""
        self._numbers[worker] += 1
        for interval, step, group, *packed in report["cells"]:
            sums = unpacked(packed)
            self._steps[step, group].add(sums)
            self._open.setdefault(interval, defaultdict(Cell))[group].add(sums)
        for interval, count in report["answered"]:
            self._answered[interval] += count
        for step, last in report["last"]:
            self._last[step] = max(last, self._last.get(step, 0.0))
        used = self._cpu[worker, report["step"]]
        used[0] += report["cpu"]
        used[1] += report["wall"]
        share = report["cpu"] / report["wall"] if report["wall"] else 0.0
        self._recent[worker] = {"at": report["at"], "cpu": share, "out": report["out"]}
        self._close(self._known_until() - self._plan.timeout_seconds - _LATE_REPORT_SECONDS)

    def check(self, worker: int, last_report: Mapping[str, Any], totals: Mapping[str, int]) -> None:
        """Note if reports of a worker that has finished are missing."""
        if self._numbers[worker] != last_report["number"]:
            self._lost.append(f"Reports of worker {worker + 1} were lost.")
        if totals["sent"] != totals["over"]:
            self._lost.append(f"Worker {worker + 1} lost requests.")

    def lose(self, worker: int) -> None:
        """Note that a worker is gone."""
        self._lost.append(f"Worker {worker + 1} was lost during the run.")
        self._gone.add(worker)

    def progress(self) -> dict[str, Any]:
        """Return how it goes, for a person who watches."""
        at = self._known_until()
        every = self._plan.interval_seconds
        recent, seconds = Cell(), max(every, _RECENT_SECONDS)
        intervals = [each for each in self._open if at - seconds < (each + 1) * every <= at]
        for interval in intervals:
            for group, sums in self._open[interval].items():
                if group < self._bad:
                    recent.ok.merge(sums.ok)
        outcomes = sum((sums.outcomes for sums in self._steps.values()), Counter())
        covered = max(len(intervals), 1) * every
        return {
            "at": at,
            "sent_per_second": sum(s.sent for each in intervals for s in self._open[each].values()) / covered,
            "answered_per_second": sum(self._answered[each] for each in intervals) / covered,
            "p50_ms": recent.ok.percentile(0.5) * MILLISECONDS,
            "p99_ms": recent.ok.percentile(0.99) * MILLISECONDS,
            "sent": sum(sums.sent for sums in self._steps.values()),
            "late": sum(
                round(sums.lag.share_above(LATE_MS / MILLISECONDS) * sums.lag.count) for sums in self._steps.values()
            ),
            "errors": {kind: count for kind, count in outcomes.items() if kind not in {OK, EXPECTED}},
            "expected": outcomes[EXPECTED],
            "out": sum(each["out"] for each in self._recent.values()),
            "cpu": [round(each["cpu"], 3) for _, each in sorted(self._recent.items())],
        }

    def measured(self, *, stopped: bool = False) -> Measured:
        """Return all that was counted."""
        self._close(float("inf"))
        steps = [self._step(number) for number in range(len(self._plan.steps))]
        counted = [number for number, step in enumerate(self._plan.steps) if not step.warm_up]
        groups = [self._group(group, counted) for group in range(len(self._groups))]
        return Measured(
            steps=steps, groups=groups, rows=self._rows, workers=self._workers, lost=self._lost, stopped=stopped
        )

    def _known_until(self) -> float:
        """Until when all workers that are there have reported."""
        known = [self._recent.get(each, {"at": 0.0})["at"] for each in range(self._workers) if each not in self._gone]
        return min(known, default=0.0)

    def _step(self, number: int) -> StepFigures:
        step = self._plan.steps[number]
        every = [self._steps[number, group] for group in range(len(self._groups))]
        all_of_it, good = _total(every), _total(every[: self._bad])
        used = [self._cpu[worker, number] for worker in range(self._workers)]
        late_ms = tolerance_ms(times_of(good.ok).p50_ms)
        figures = StepFigures(
            rate=step.rate,
            seconds=self._seconds(number),
            warm_up=step.warm_up,
            counts=counts_of(all_of_it.wanted, all_of_it.sent, all_of_it.outcomes),
            times=times_of(good.ok),
            groups=[self._group(group, [number]) for group in range(len(self._groups))],
            lag=times_of(all_of_it.lag),
            late_share=all_of_it.lag.share_above(late_ms / MILLISECONDS),
            late_ms=late_ms,
            cpu=[round(cpu / wall, 4) if wall else 0.0 for cpu, wall in used],
        )
        figures.reasons = reasons_of(figures)
        return figures

    def _seconds(self, number: int) -> float:
        """How long a step took: what was planned, or until the last answer where clients had a number to send."""
        planned = self._plan.steps[number].seconds
        if self._plan.clients is None or number not in self._last:
            return planned
        begun = sum(step.seconds for step in self._plan.steps[:number])
        return max(self._last[number] - begun, 0.0) if self._plan.requests is not None else planned

    def _group(self, group: int, steps: Sequence[int]) -> GroupFigures:
        sums = _total(self._steps[step, group] for step in steps)
        return GroupFigures(
            name=self._groups[group],
            counts=counts_of(sums.wanted, sums.sent, sums.outcomes),
            times=times_of(sums.ok),
            failed_times=times_of(sums.failed),
            histogram=sums.ok.packed() if len(steps) != 1 or len(self._plan.steps) == 1 else {},
        )

    def _close(self, before: float) -> None:
        """Make rows of the intervals that nothing more is to come for."""
        every = self._plan.interval_seconds
        for interval in sorted(each for each in self._open if (each + 1) * every < before):
            groups = self._open.pop(interval)
            good = _total(sums for group, sums in groups.items() if group < self._bad)
            all_of_it = _total(groups.values())
            whole = _row(interval * every, "", all_of_it, good.ok)
            whole.answered = self._answered.pop(interval, 0)
            self._rows.append(whole)
            if len(self._groups) > 1:
                parts = sorted(groups.items())
                self._rows += [_row(interval * every, self._groups[group], sums, sums.ok) for group, sums in parts]
        if before == float("inf"):
            # Answers that came after the last request was due.
            self._rows += [Row(at=each * every, answered=count) for each, count in sorted(self._answered.items())]
            self._answered.clear()


def _total(every: Iterable[Cell]) -> Cell:
    total = Cell()
    for sums in every:
        total.add(sums)
    return total


def _row(at: float, group: str, sums: Cell, ok: Histogram) -> Row:
    figures = times_of(ok)
    return Row(
        at=at,
        group=group,
        wanted=sums.wanted,
        sent=sums.sent,
        p50_ms=figures.p50_ms,
        p90_ms=figures.p90_ms,
        p99_ms=figures.p99_ms,
        max_ms=figures.max_ms,
        lag_ms=round(sums.lag.high * MILLISECONDS, 4),
        errors=counts_of(0, 0, sums.outcomes).errors,
    )
