"""What a run gave, as it is kept in results.json."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from loadtest.generator.histogram import Histogram
from loadtest.generator.tally import EXPECTED, OK

MILLISECONDS = 1e3


class Times(BaseModel):
    """Times of requests in milliseconds, within 0.5 % (`histogram.RELATIVE_ERROR`); all 0 where there is none."""

    count: int = 0
    mean_ms: float = 0.0
    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    p999_ms: float = 0.0
    max_ms: float = 0.0


class Counts(BaseModel):
    """Numbers of requests.

    Attributes:
        wanted: that were due.
        sent: of them, those that went out.
        ok: answered with a status of the 200s.
        expected: bad requests that were refused as they must be.
        errors: the others that were sent, by kind.
    """

    wanted: int = 0
    sent: int = 0
    ok: int = 0
    expected: int = 0
    errors: dict[str, int] = {}

    @property
    def failed(self) -> int:
        """All errors."""
        return sum(self.errors.values())

    @property
    def error_share(self) -> float:
        """Errors of all that were sent, 0 to 1."""
        return self.failed / self.sent if self.sent else 0.0


class GroupFigures(BaseModel):
    """A scenario, or its bad requests, in one step or in all.

    Attributes:
        name: of the scenario.
        counts: numbers of requests.
        times: of requests that were answered as they should be, from when they were due.
        failed_times: of the others that were sent.
        histogram: behind `times`.
    """

    name: str
    counts: Counts
    times: Times
    failed_times: Times
    histogram: dict[str, Any] = {}


class StepFigures(BaseModel):
    """A stretch of a run.

    Attributes:
        rate: wanted requests per second; None where clients waited for answers.
        seconds: its length; where clients sent a number of requests, until the last answer.
        warm_up: whether it counts for nothing.
        counts: of all groups.
        times: of all groups, without bad requests.
        groups: each of them.
        lag: how long after they were due requests were sent.
        late_share: of requests that were sent later than the tolerance.
        late_ms: the tolerance.
        cpu: share of a core that each worker took.
        reasons: why the generator could not drive it properly; empty where it could.
    """

    rate: float | None
    seconds: float
    warm_up: bool
    counts: Counts
    times: Times
    groups: list[GroupFigures]
    lag: Times
    late_share: float = 0.0
    late_ms: float = 0.0
    cpu: list[float] = []
    reasons: list[str] = []

    @property
    def answered_per_second(self) -> float:
        """Requests that were answered as they should be, per second."""
        return (self.counts.ok + self.counts.expected) / self.seconds if self.seconds else 0.0

    @property
    def sent_per_second(self) -> float:
        """Requests that went out, per second."""
        return self.counts.sent / self.seconds if self.seconds else 0.0


class Row(BaseModel):
    """One interval of one group; an empty group stands for all.

    Attributes:
        at: when it began, in seconds since the start of the run.
        group: its name.
        wanted: requests that were due in it.
        sent: of them, those that went out.
        answered: answers that came in it, whenever they were due; of all groups only.
        p50_ms: of requests that were due in it; so with the others.
        p90_ms: as above.
        p99_ms: as above.
        max_ms: as above.
        lag_ms: the longest time that one of them was sent too late.
        errors: of them, by kind.
    """

    at: float
    group: str = ""
    wanted: int = 0
    sent: int = 0
    answered: int = 0
    p50_ms: float = 0.0
    p90_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    lag_ms: float = 0.0
    errors: dict[str, int] = {}


class Measured(BaseModel):
    """What the workers counted.

    Attributes:
        steps: in their order.
        groups: over all steps but warm-ups.
        rows: the series, by time.
        workers: how many.
        lost: what did not reach the master, in sentences.
        stopped: whether a person ended it before its time.
    """

    steps: list[StepFigures]
    groups: list[GroupFigures]
    rows: list[Row]
    workers: int
    lost: list[str] = []
    stopped: bool = False

    @property
    def counted(self) -> list[StepFigures]:
        """The steps without warm-ups."""
        return [step for step in self.steps if not step.warm_up]


class Sample(BaseModel):
    """The server's processes at one time, by kind.

    Attributes:
        at: seconds since the start of the run.
        cpu: cores that each kind took since the sample before.
        memory: MiB, pages that several processes share divided among them (PSS); empty where it was not looked at.
        handles: open files and sockets.
        threads: of each kind.
        replicas: of each deployment, by processes.
        machine: share of all the machine's cores that are in use, 0 to 1.
    """

    at: float
    cpu: dict[str, float] = {}
    memory: dict[str, float] = {}
    handles: dict[str, int] = {}
    threads: dict[str, int] = {}
    replicas: dict[str, int] = {}
    machine: float = 0.0


class ReplicaSample(BaseModel):
    """Replicas of each deployment as Ray's metrics count them, so many seconds after the start."""

    at: float
    replicas: dict[str, int]


class ServerSide(BaseModel):
    """What was seen of the service beside its answers."""

    samples: list[Sample] = []
    metrics: list[ReplicaSample] = []
    metrics_url: str = ""


class Results(BaseModel):
    """A run.

    Attributes:
        format: of this file.
        title: what was run.
        machine: where the generator ran.
        started: when, in UTC.
        settings: everything that the user may set, without keys and tokens.
        measured: by the workers.
        server: beside them.
        reasons: why the run is invalid; empty where it is valid.
        notes: sentences for readers.
        verdict: of a soak.
    """

    format: int = 1
    title: str
    machine: str
    started: str
    settings: dict[str, Any]
    measured: Measured
    server: ServerSide = ServerSide()
    reasons: list[str] = []
    notes: list[str] = []
    verdict: dict[str, Any] | None = None

    @property
    def is_valid(self) -> bool:
        """Whether the generator could do what was wanted."""
        return not self.reasons


def times_of(histogram: Histogram) -> Times:
    """Return a histogram's figures."""
    percentiles = {
        f"p{name}_ms": round(histogram.percentile(share) * MILLISECONDS, 4)
        for name, share in (("50", 0.5), ("90", 0.9), ("99", 0.99), ("999", 0.999))
    }
    mean, most = (round(each * MILLISECONDS, 4) for each in (histogram.mean, histogram.high))
    return Times(count=histogram.count, mean_ms=mean, max_ms=most, **percentiles)


def counts_of(wanted: int, sent: int, outcomes: dict[str, int]) -> Counts:
    """Tell what went well from errors."""
    errors = {kind: number for kind, number in sorted(outcomes.items()) if kind not in {OK, EXPECTED}}
    return Counts(wanted=wanted, sent=sent, ok=outcomes.get(OK, 0), expected=outcomes.get(EXPECTED, 0), errors=errors)
