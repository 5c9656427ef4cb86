"""The comparison as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from loadtest.peers.contestants import Contestant, Object
from loadtest.peers.environments import version_of
from loadtest.peers.measuring import Findings, Plan, Sample
from loadtest.peers.peers import PEERS
from loadtest.report import Report
from loadtest.spread import Spread, spread

COLUMNS = [
    "Server", "Workers", "Concurrency", "Requests/s", "x best peer", "p50 ms", "x best peer's", "p99 ms",
    "CPU ms/request", "Memory MiB", "Errors",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table.

    Attributes:
        name: of its plot.
        title: what is compared.
        model: `faq` or `image`.
        object: which of ours takes part.
    """

    name: str
    title: str
    model: str
    object: Object = "same"

    def includes(self, contestant: Contestant) -> bool:
        """Whether a contestant belongs here; peers belong to both comparisons of the FAQ."""
        return contestant.model == self.model and (not contestant.is_ours or contestant.object == self.object)


COMPARISONS = (
    Comparison("peers-faq", "FAQ, the very same scikit-learn object in all", "faq"),
    Comparison("peers-faq-own", "FAQ as users get it: our own scorer, scikit-learn in the peers", "faq", "own"),
    Comparison("peers-image", "ResNet-152 in OpenVINO, the same network and preprocessing in all", "image"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One contestant at one concurrency, over all rounds.

    Attributes:
        contestant: who.
        concurrency: requests out at any time.
        rate: successful responses per second.
        p50: milliseconds.
        p99: milliseconds.
        cpu: milliseconds of processor time for each response.
        memory: MiB after load.
        errors: of all rounds.
        rate_ratio: rate beside that of the best peer; None without one.
        p50_ratio: p50 beside that of the best peer; None without one.
    """

    contestant: Contestant
    concurrency: int
    rate: Spread
    p50: Spread
    p99: Spread
    cpu: Spread
    memory: Spread
    errors: int
    rate_ratio: float | None = None
    p50_ratio: float | None = None


def rows_of(comparison: Comparison, findings: Findings) -> list[Row]:
    """Return a comparison's rows by concurrency, contestants in their order; ratios are of medians."""
    measured = {key: samples for key, samples in findings.samples.items() if comparison.includes(key[0])}
    rates = _best({key: _rate(samples) for key, samples in measured.items()}, max)
    halves = _best({key: _p50(samples) for key, samples in measured.items()}, min)
    rows = [_row(*key, samples, rates.get(key[1]), halves.get(key[1])) for key, samples in measured.items()]
    return sorted(rows, key=lambda row: row.concurrency)


def reports(plan: Plan, findings: Findings, facts: Mapping[str, Any], precision: str) -> list[Report]:
    """Return a table for each comparison that was measured; every figure is in the first one's data."""
    found = []
    for comparison in COMPARISONS:
        rows = rows_of(comparison, findings)
        if any(row.contestant.object == comparison.object for row in rows if row.contestant.is_ours) or (
            rows and comparison.object == "same"
        ):
            notes = _notes(comparison, plan, findings, facts, precision)
            found.append(Report(comparison.title, COLUMNS, [_texts(row) for row in rows], notes))
    found[0].data.update(data_of(plan, findings, facts, precision))
    return found


def data_of(plan: Plan, findings: Findings, facts: Mapping[str, Any], precision: str) -> dict[str, Any]:
    """Return every figure: rows of all comparisons, samples of all rounds."""
    return {
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "facts": {**facts, "precision": precision, "agreement": findings.agreement},
        "versions": {name: version_of(name, peer.package) for name, peer in PEERS.items()},
        "comparisons": {each.name: [asdict(row) for row in rows_of(each, findings)] for each in COMPARISONS},
        "samples": [
            {"contestant": asdict(one), "concurrency": count, "rounds": [asdict(sample) for sample in samples]}
            for (one, count), samples in findings.samples.items()
        ],
    }


def _row(
    contestant: Contestant, concurrency: int, samples: Sequence[Sample], rate: float | None, p50: float | None
) -> Row:
    own_rate, own_p50 = _rate(samples), _p50(samples)
    return Row(
        contestant,
        concurrency,
        rate=own_rate,
        p50=own_p50,
        p99=spread([each.result.p99_ms for each in samples]),
        cpu=spread([each.cpu_ms for each in samples]),
        memory=spread([each.memory for each in samples]),
        errors=sum(each.result.errors for each in samples),
        rate_ratio=own_rate.median / rate if rate else None,
        p50_ratio=own_p50.median / p50 if p50 else None,
    )


def _rate(samples: Sequence[Sample]) -> Spread:
    return spread([each.result.requests_per_second for each in samples])


def _p50(samples: Sequence[Sample]) -> Spread:
    return spread([each.result.p50_ms for each in samples])


def _best(
    measured: Mapping[tuple[Contestant, int], Spread], choose: Callable[[float, float], float]
) -> dict[int, float]:
    """Return the best peer's median by concurrency, over all its workers."""
    found: dict[int, float] = {}
    for (contestant, concurrency), values in measured.items():
        if not contestant.is_ours and values.median:
            found[concurrency] = choose(found.get(concurrency, values.median), values.median)
    return found


def _texts(row: Row) -> list[str]:
    return [
        row.contestant.title,
        row.contestant.workers_text,
        str(row.concurrency),
        row.rate.text(0),
        _ratio(row.rate_ratio),
        row.p50.text(),
        _ratio(row.p50_ratio),
        row.p99.text(),
        row.cpu.text(2),
        row.memory.text(0),
        str(row.errors),
    ]


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _notes(
    comparison: Comparison, plan: Plan, findings: Findings, facts: Mapping[str, Any], precision: str
) -> list[str]:
    taking_part = dict.fromkeys(one.server for one in plan.contestants if not one.is_ours)
    versions = ", ".join(f"{PEERS[name].title} {version_of(name, PEERS[name].package)}" for name in taking_part)
    notes = [
        (
            f"Medians of {plan.rounds} rounds of {plan.seconds:g} s (lowest-highest), each with servers started anew, "
            "one at a time; wrk on the same machine. Memory: PSS of all processes after load. Ratios are to the best "
            "peer of the same concurrency, whatever its workers."
        ),
        *([f"Peers: {versions}."] if versions else []),
        *(
            f"{one.title}, workers: {one.workers_text}: {len(reasons)} of {plan.rounds} rounds failed: {reasons[-1]}"
            for one, reasons in findings.failures.items()
            if comparison.includes(one)
        ),
    ]
    if comparison.model == "image":
        weights = "weights: random" if facts["weights"] == "untrained" else "weights: trained"
        where = "Ours: replicas of the classifier; by default it is in the process of the ingress."
        return [*notes, f"Computed in {precision}; {weights}. {where}"]
    notes.append(
        f"{facts['originals']} originals; the scikit-learn object takes {facts['ms_for_one']:.2f} ms for one question "
        "in process. Ours: replicas of the ingress, which have the model in their processes."
    )
    if comparison.object == "own" and findings.agreement is not None:
        notes.append(f"Both models name the same best original for {findings.agreement:.0%} of the questions asked.")
    return notes
