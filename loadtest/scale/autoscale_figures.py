"""What a step of load did to replicas and latency, in figures."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus

from loadtest.open_loop import Timed
from loadtest.overload_figures import percentile
from loadtest.report import Report
from loadtest.serve_logs import Event
from loadtest.spread import spread

WINDOW_SECONDS = 1.0
STEP_SECONDS = 0.1
# Over how long the product averages requests in flight; see `deployments.autoscaling`.
LOOK_BACK_SECONDS = 2.0
# How long p99 has to stay under its target before it counts as back.
HOLD_SECONDS = 3.0

# Azure Machine Learning's: adding is eager, removing is careful.
WANTED_DECISION_SECONDS = 1.5
WANTED_RECOVERY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Window:
    """The requests that were due within a second.

    Attributes:
        ended: the second's end, in seconds since the epoch.
        requests: how many.
        p99_ms: of their latencies, from when they were due.
    """

    ended: float
    requests: int
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Step:
    """One step of load up and down again; times are in seconds since the epoch.

    Attributes:
        rate: requests a second before and after.
        factor: how many times as many in between.
        begun: when the first request beyond the rate was due.
        ended: when the last one was.
        requests: all of them, before and after included.
        events: of the deployment, since before.
        answered: when a replica that was added answered for the first time; None where it does not say.
        gone: when the last replica that was removed had ended; None if that did not happen.
        target_in_flight: requests in flight that one replica should have.
    """

    rate: float
    factor: float
    begun: float
    ended: float
    requests: list[Timed]
    events: list[Event]
    answered: float | None
    gone: float | None
    target_in_flight: float

    @property
    def most_wanted(self) -> int:
        """Replicas wanted at the most."""
        return max((wanted for _, wanted, _ in replicas_over_time(self.events)), default=1)

    @property
    def failed(self) -> int:
        """Requests that were not answered as they should be, in all of it."""
        return sum(each.status != HTTPStatus.OK for each in self.requests)

    @property
    def p99_before_ms(self) -> float:
        """Of the requests before the step."""
        return percentile([each for each in self.requests if each.due < self.begun], 0.99)

    def after(self, kind: str, since: float) -> float | None:
        """Return seconds from a time on until the first event of a kind; None if there was none."""
        times = [event.time for event in self.events if event.kind == kind and event.time >= since]
        return min(times) - since if times else None


def fewer_enough(step: Step) -> float | None:
    """Return since when fewer replicas than were wanted at the most would have done.

    Counted as the product does: a replica for each `target_in_flight` requests in flight, which are averaged over
    `LOOK_BACK_SECONDS`.

    Returns:
        Seconds since the epoch, to a tenth; None if as many were needed to the end.
    """
    dues, ends = sorted(each.due for each in step.requests), sorted(each.ended for each in step.requests)
    samples = round(LOOK_BACK_SECONDS / STEP_SECONDS)
    times = [step.begun + number * STEP_SECONDS for number in range(int((dues[-1] - step.begun) / STEP_SECONDS))]
    in_flight = [bisect_right(dues, time) - bisect_right(ends, time) for time in times]
    since = None
    for number, time in enumerate(times):
        recent = in_flight[max(number - samples + 1, 0) : number + 1]
        if math.ceil(sum(recent) / len(recent) / step.target_in_flight) >= step.most_wanted:
            since = None
        elif since is None:
            since = time
    return since


def windows(requests: Sequence[Timed], begin: float, end: float) -> list[Window]:
    """Return p99 of each second that ends between two times, ten of them for each second; none for empty ones."""
    ordered = sorted(requests)
    dues = [each.due for each in ordered]
    found = []
    for number in range(1, int((end - begin) / STEP_SECONDS) + 1):
        until = begin + number * STEP_SECONDS
        inside = ordered[bisect_left(dues, until - WINDOW_SECONDS) : bisect_left(dues, until)]
        if inside:
            found.append(Window(until, len(inside), percentile(inside, 0.99)))
    return found


def recovery_seconds(found: Sequence[Window], begun: float, target_ms: float) -> float | None:
    """Return how long after a step p99 was back under its target, to stay there for `HOLD_SECONDS`.

    Args:
        found: windows since the step.
        begun: the step's time.
        target_ms: of p99.

    Returns:
        Seconds; 0 if it was never above; None if it did not come back in the time that was measured.
    """
    if not found:
        return None
    if all(window.p99_ms <= target_ms for window in found):
        return 0.0
    back: float | None = None
    has_risen = False
    for window in found:
        if window.p99_ms > target_ms:
            has_risen, back = True, None
        elif has_risen and back is None:
            back = window.ended
        if back is not None and window.ended - back >= HOLD_SECONDS:
            return back - begun
    return None


def replicas_over_time(events: Sequence[Event], first: int = 1) -> list[tuple[float, int, int]]:
    """Return when the replicas that are wanted or run changed: the time, how many are wanted, how many run.

    Args:
        events: of one deployment, by time.
        first: replicas before them, which all run.
    """
    wanted = running = first
    found = []
    for event in events:
        if event.target:
            wanted = event.target
        elif event.kind == "running":
            running += 1
        elif event.kind == "stopping":
            running = max(running - 1, 0)
        else:
            continue
        found.append((event.time, wanted, running))
    return found


def target_of(step: Step, target_ms: float | None) -> float:
    """Return the target of p99: the one that is given, or twice what it was before."""
    return target_ms or 2 * step.p99_before_ms


def recovery_of(step: Step, target_ms: float | None) -> float | None:
    """Return how long after the step p99 was back under its target; see `recovery_seconds`."""
    inside = windows(step.requests, step.begun, step.ended)
    return recovery_seconds(inside, step.begun, target_of(step, target_ms))


def report(name: str, steps: Sequence[Step], *, target_ms: float | None, removal_seconds: float) -> Report:
    """Put steps into a table.

    Args:
        name: what was loaded.
        steps: round by round.
        target_ms: of p99; None for twice what it was before each step.
        removal_seconds: how long little load must last before replicas are removed.
    """
    recoveries = [recovery_of(each, target_ms) for each in steps]
    inside = [windows(each.requests, each.begun, each.ended) for each in steps]
    rows = [
        ["Requests/s before / in the step", f"{steps[0].rate:,.0f} / {steps[0].rate * steps[0].factor:,.0f}", ""],
        ["p99 before, ms", spread([each.p99_before_ms for each in steps]).text(), ""],
        ["p99's target, ms", spread([target_of(each, target_ms) for each in steps]).text(), ""],
        ["Highest p99 of a second in the step, ms", _highest(inside), ""],
        [
            "To the decision to add, s",
            _seconds([each.after("decided to add", each.begun) for each in steps]),
            f"{WANTED_DECISION_SECONDS:g}",
        ],
        ["To the first added replica running, s", _seconds([each.after("running", each.begun) for each in steps]), ""],
        ["To its first answer, s", _seconds([_since(e.answered, e.begun) for e in steps], never="not logged"), ""],
        ["To p99 back under its target, s", _seconds(recoveries), f"{WANTED_RECOVERY_SECONDS:g}"],
        ["Most replicas wanted", spread([float(each.most_wanted) for each in steps]).text(0), ""],
        [
            "From when fewer were enough to the decision to remove, s",
            _seconds([_to_removal(each) for each in steps]),
            f"{removal_seconds:g}",
        ],
        [
            "From the end to the decision to remove, s",
            _seconds([each.after("decided to remove", each.ended) for each in steps]),
            "",
        ],
        ["From the end to the last removed process gone, s", _seconds([_since(e.gone, e.ended) for e in steps]), ""],
        [
            "Requests that failed",
            f"{sum(each.failed for each in steps)} of {sum(len(each.requests) for each in steps):,}",
            "0",
        ],
    ]
    return Report(
        f"Autoscaling of {name}: from one replica at a steady load to {steps[0].factor:g} times of it and back",
        ["", "Figure", "Wanted"],
        rows,
        [
            (
                f"Median of {len(steps)} rounds (lowest-highest). Requests come at their rate, whatever becomes of "
                "them; latency counts from when each was due. p99 is that of the requests of a second, looked at ten "
                f"times a second, and back when it stays under its target for {HOLD_SECONDS:g} s. Decisions and "
                "replicas by Ray Serve's logs."
            ),
            *_unsent(steps),
        ],
        {"steps": [_data(each, target_ms) for each in steps]},
    )


def _data(step: Step, target_ms: float | None) -> dict[str, object]:
    found = {key: value for key, value in asdict(step).items() if key != "requests"}
    return {
        **found,
        "p99_before_ms": step.p99_before_ms,
        "target_ms": target_of(step, target_ms),
        "recovery_seconds": recovery_of(step, target_ms),
        "failed": step.failed,
        "requests": len(step.requests),
        "windows": [asdict(each) for each in windows(step.requests, step.begun, step.ended)],
    }


def _to_removal(step: Step) -> float | None:
    since = fewer_enough(step)
    return None if since is None else step.after("decided to remove", since)


def _unsent(steps: Sequence[Step]) -> list[str]:
    """Say so where the generator sent less than it should have."""
    for each in steps:
        sent = sum(each.begun <= request.due <= each.ended for request in each.requests)
        due = each.rate * each.factor * (each.ended - each.begun)
        if sent < 0.95 * due:
            return [f"Not valid: {sent:,} requests were sent in a step of {due:,.0f}; this machine sends no more."]
    return []


def _highest(inside: Sequence[Sequence[Window]]) -> str:
    highest = [max(each.p99_ms for each in found) for found in inside if found]
    return spread(highest).text() if highest else "-"


def _since(time: float | None, since: float) -> float | None:
    return None if time is None else time - since


def _seconds(values: Sequence[float | None], never: str = "never") -> str:
    found = [each for each in values if each is not None]
    if not found:
        return never
    missing = len(values) - len(found)
    return spread(found).text(2) + (f", {missing} {never}" if missing else "")
