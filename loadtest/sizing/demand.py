"""What a model is to answer, and the replicas that this takes by the formula and by the curve."""

from __future__ import annotations

from dataclasses import dataclass

from loadtest.errors import BenchmarkError
from loadtest.sizing.capacity import Capacity
from loadtest.sizing.formula import Headroom, by_curve, by_formula, rate_of_formula
from loadtest.sizing.node_types import Resources

# CPU of one request in an ingress that sends each request on in a call of its own (docs/scale-model.md). Coalescing
# makes it less; a measured file says by how much.
INGRESS_SECONDS = 0.0013

# What a replica asks for, unless it is said.
ONE_CORE = Resources(cpu=1, memory_gib=2)
NO_HEADROOM = Headroom()

# Two figures that differ by less are the same.
_SAME = 0.05
# A machine this busy had no more to give.
_FULL = 0.85


@dataclass(frozen=True, slots=True)
class Demand:
    """One model.

    Attributes:
        name: the model's.
        rate: requests per second at the peak.
        seconds: that a replica takes for one request; None: as measured.
        capacity: what was measured; None: nothing.
        p99_ms: target other than that of the measurement.
        utilization: wanted share of busy slots.
        per_replica: requests that a replica works on at once.
        each: what one replica asks for of a node.
        preprocess_seconds: CPU time of preparing one request in a stage before the model; 0: there is none.
        ingress_seconds: CPU time of one request in the ingress, where nothing measured says it.
        headroom: beyond the rate.
    """

    name: str
    rate: float
    seconds: float | None
    capacity: Capacity | None
    p99_ms: float | None = None
    utilization: float = 0.7
    per_replica: int = 1
    each: Resources = ONE_CORE
    preprocess_seconds: float = 0.0
    ingress_seconds: float = INGRESS_SECONDS
    headroom: Headroom = NO_HEADROOM

    @property
    def peak(self) -> float:
        """Requests per second, headroom included."""
        return self.rate * self.headroom.factor

    @property
    def request_seconds(self) -> float:
        """Seconds that a replica takes for one request.

        Raises:
            BenchmarkError: neither was it given nor measured.
        """
        measured = self.capacity.seconds_per_request if self.capacity else None
        seconds = self.seconds or measured
        if seconds is None:
            raise BenchmarkError(
                f"How long {self.name} takes for a request is not known: give --seconds-per-request "
                f"{self.name}=SECONDS, or --model {self.name}=FILE as `scoring loadtest capacity` writes it."
            )
        return seconds


@dataclass(frozen=True, slots=True)
class Need:
    """Replicas for one model, by one way of reckoning.

    Attributes:
        replicas: of the model.
        per_replica: requests per second that one is trusted with.
        ingress: replicas of the ingress.
        preprocess: replicas of the stage before the model.
        ingress_is_measured: whether the CPU around the model comes from a measurement; it has preprocessing in it then.
    """

    replicas: int
    per_replica: float
    ingress: int
    preprocess: int
    ingress_is_measured: bool = False


def formula_need(demand: Demand) -> Need:
    """Reckon by replicas = ceil(rate x seconds / utilization / requests per replica), for every stage."""
    seconds = demand.request_seconds

    def stage(of_stage: float, slots: int = 1) -> int:
        return by_formula(demand.peak, of_stage, utilization=demand.utilization, per_replica=slots)

    return Need(
        replicas=stage(seconds, demand.per_replica),
        per_replica=rate_of_formula(seconds, utilization=demand.utilization, per_replica=demand.per_replica),
        ingress=stage(demand.ingress_seconds),
        preprocess=stage(demand.preprocess_seconds) if demand.preprocess_seconds else 0,
    )


def curve_need(demand: Demand) -> Need | None:
    """Reckon by the highest measured rate that kept its p99; None where nothing was measured."""
    if demand.capacity is None:
        return None
    capacity = demand.capacity.per_replica(demand.p99_ms)
    around = around_seconds(demand)
    by_hand = by_formula(demand.peak, demand.preprocess_seconds, utilization=demand.utilization)
    return Need(
        replicas=by_curve(demand.peak, capacity),
        per_replica=capacity,
        ingress=by_formula(
            demand.peak, demand.ingress_seconds if around is None else around, utilization=demand.utilization
        ),
        preprocess=by_hand if demand.preprocess_seconds and around is None else 0,
        ingress_is_measured=around is not None,
    )


def around_seconds(demand: Demand) -> float | None:
    """Return the CPU time of one request in all that stands around the model: HAProxy, ingress, preprocessing.

    It is what the service took at its capacity, less what its model replicas ask for; None where CPU was not measured.
    """
    capacity = demand.capacity
    best = capacity.best(demand.p99_ms) if capacity else None
    if capacity is None or best is None or best.cpu_cores is None:
        return None
    return max(0.0, best.cpu_cores - capacity.replicas * demand.each.cpu) / best.rate


def explain(demand: Demand, formula: Need, curve: Need) -> str:
    """Say where formula and curve differ, and why, in a sentence."""
    ratio = curve.per_replica / formula.per_replica
    if abs(ratio - 1) <= _SAME:
        return f"{demand.name}: formula and curve agree."
    most = demand.per_replica / demand.request_seconds
    more = f"{demand.name}: a replica answers {curve.per_replica:,.1f}/s within p99, the formula trusts it with "
    more += f"{formula.per_replica:,.1f}/s"
    if curve.per_replica > most * (1 + _SAME):
        return (
            f"{more}, and at 100 % utilization {most:,.1f}/s: requests that wait leave together (coalescing, batches), "
            "which one request's time cannot show; or a replica uses several cores."
        )
    if ratio > 1:
        return f"{more}: p99 still holds above a utilization of {demand.utilization:.0%}."
    return f"{more}: {_limit(demand)}"


def _limit(demand: Demand) -> str:
    capacity = demand.capacity
    best = capacity.best(demand.p99_ms) if capacity else None
    if capacity is None or best is None or best.cpu_cores is None:
        return "p99 ends it before that utilization; without CPU figures it is not known what waits."
    busy = best.cpu_cores / capacity.cores
    if busy >= _FULL:
        return (
            f"the machine's {capacity.cores:g} cores were {busy:.0%} busy, since HTTP and the other stages share them; "
            "on nodes with room for both a replica answers more."
        )
    return f"p99 ends it while the machine's cores are only {busy:.0%} busy: requests wait for each other."
