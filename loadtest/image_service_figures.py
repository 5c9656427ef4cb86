"""What was measured of the service and its bare engine, and its tables."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from loadtest.loads import Load
from loadtest.ray_processes import more_than_one
from loadtest.report import Report
from loadtest.spread import Spread, spread

CLIENTS = (1, 2, 4, 8, 16)

# One client's p50 over HTTP, as a multiple of decode and inference; images per second of so many clients, as a share
# of the bare engine's best.
WANTED_LATENCY = 1.25
WANTED_SHARE, WANTED_CLIENTS = 0.9, 8

DRIFT = 0.1


@dataclass(frozen=True, slots=True)
class Round:
    """One round.

    Attributes:
        before: medians in process in milliseconds, `decode`, `infer` and `total`, before the service was asked.
        after: the same, after one client had asked it.
        loads: by the number of clients.
        bare: the bare engine's images per second by layout and batch size.
    """

    before: dict[str, float]
    after: dict[str, float]
    loads: dict[int, Load]
    bare: dict[str, float]

    def in_process(self, step: str = "total") -> float:
        """Mean of before and after."""
        return (self.before[step] + self.after[step]) / 2

    @property
    def http(self) -> float:
        """p50 over HTTP of one client, in milliseconds."""
        return self.loads[1].result.p50_ms

    @property
    def drifted(self) -> bool:
        """Whether the machine was another one after than before."""
        return abs(self.before["total"] - self.after["total"]) > DRIFT * self.in_process()


def reports(
    rounds: Sequence[Round], timing: Mapping[str, float], facts: Mapping[str, Any], replicas: Mapping[str, int]
) -> list[Report]:
    """Put rounds into tables.

    Args:
        rounds: what was measured.
        timing: medians of Server-Timing by step, in milliseconds.
        facts: of the model.
        replicas: of each deployment after the rounds; shown where a deployment has more than one.
    """
    data = {
        "rounds": [asdict(each) for each in rounds],
        "server_timing": dict(timing),
        "model": dict(facts),
        "replicas": dict(replicas),
    }
    return [_one_client(rounds, timing, facts, data), _several_clients(rounds, replicas), _processor_time(rounds)]


def _one_client(
    rounds: Sequence[Round], timing: Mapping[str, float], facts: Mapping[str, Any], data: dict[str, Any]
) -> Report:
    steps = ", ".join(f"{step} {milliseconds:.1f}" for step, milliseconds in timing.items())
    model = " ".join(str(facts[name]) for name in ("architecture", "engine", "precision") if name in facts)
    drifted = f"In process, before and after differ by more than {DRIFT:.0%}: measure again at rest."
    return Report(
        "Image: one client over HTTP beside decode and inference in process, p50 in ms",
        ["HTTP", "Decode + inference in process", "Decode", "Inference", "Added", "Ratio"],
        [
            [
                spread([each.http for each in rounds]).text(),
                spread([each.in_process() for each in rounds]).text(),
                spread([each.in_process("decode") for each in rounds]).text(),
                spread([each.in_process("infer") for each in rounds]).text(),
                spread([each.http - each.in_process() for each in rounds]).text(),
                spread([each.http / each.in_process() for each in rounds]).text(2),
            ]
        ],
        [
            (
                f"Median of {len(rounds)} rounds (lowest-highest); {model}, {facts.get('threads', '?')} threads. "
                f"Wanted: a ratio of at most {WANTED_LATENCY}."
            ),
            f"Server-Timing over HTTP, medians in ms: {steps}.",
            *([drifted] * any(each.drifted for each in rounds)),
        ],
        data,
    )


def _several_clients(rounds: Sequence[Round], replicas: Mapping[str, int]) -> Report:
    label, best = best_layout(rounds)
    taken = max(load.client_share for each in rounds for load in each.loads.values())
    return Report(
        "Image: images per second over HTTP beside the bare engine",
        ["Clients", "Images/s", "p50 ms", "p99 ms", "Errors", "Share of the bare engine"],
        [_row(rounds, clients, label) for clients in rounds[0].loads],
        [
            (
                f"The bare engine's best: {best.text()} images/s with {label}, the best of "
                f"{len(rounds[0].bare)} layouts and batch sizes. Wanted: {WANTED_SHARE} of it with "
                f"{WANTED_CLIENTS} clients. It decodes nothing; the service does."
            ),
            f"Replicas after the rounds: {more_than_one(replicas)}. wrk took at most {taken:.0%} of a core.",
        ],
    )


def _processor_time(rounds: Sequence[Round]) -> Report:
    loads = {clients: [each.loads[clients] for each in rounds] for clients in rounds[0].loads}
    roles = {role for same in loads.values() for load in same for role in load.cpu_seconds}
    medians = {
        role: [statistics.median(load.cpu_ms(role) for load in same) for same in loads.values()] for role in roles
    }
    totals = [spread([sum(map(load.cpu_ms, roles)) for load in same]).text() for same in loads.values()]
    ordered = sorted(medians.items(), key=lambda item: (-item[1][-1], item[0]))
    return Report(
        "Image: processor time for each response, ms of a core",
        ["Process", *(f"{clients} {'client' if clients == 1 else 'clients'}" for clients in loads)],
        [*([role, *(f"{median:.1f}" for median in found)] for role, found in ordered), ["all", *totals]],
        [
            (
                f"Medians of {len(rounds)} rounds (lowest-highest). What the service does all the time counts too, and "
                "so does what it did for requests that were under way at the end."
            )
        ],
    )


def best_layout(rounds: Sequence[Round]) -> tuple[str, Spread]:
    """Return the bare engine's layout with the most images per second, by the medians, and how many."""
    found = {label: spread([each.bare[label] for each in rounds]) for label in rounds[0].bare}
    return max(found.items(), key=lambda item: item[1].median)


def _row(rounds: Sequence[Round], clients: int, label: str) -> list[str]:
    results = [each.loads[clients].result for each in rounds]
    shares = [result.requests_per_second / each.bare[label] for result, each in zip(results, rounds, strict=True)]
    return [
        str(clients),
        spread([result.requests_per_second for result in results]).text(),
        spread([result.p50_ms for result in results]).text(),
        spread([result.p99_ms for result in results]).text(),
        str(sum(result.errors for result in results)),
        spread(shares).text(2),
    ]
