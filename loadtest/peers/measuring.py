"""The comparison: rounds in which each contestant is started, warmed up, loaded, and stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from loadtest import wrk
from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload
from loadtest.peers import answers
from loadtest.peers.answers import Ranked, WrongAnswer
from loadtest.peers.contestants import Contestant
from loadtest.peers.material import Material, expected
from loadtest.peers.running import Running, started
from loadtest.ray_processes import CpuMeter
from loadtest.wrk import WrkResult

# Answers that are compared at each start.
COMPARED = 20

# Under load before anything is measured, once at each start.
FIRST_SECONDS = 2.0

# Roughly how long a start and a stop take, which with ours are Ray's; for the estimate only.
START_SECONDS = {("faq", False): 7, ("faq", True): 18, ("image", False): 9, ("image", True): 25}
PREPARING_SECONDS = 60

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one contestant at one concurrency.

    Attributes:
        result: what wrk measured.
        cpu_seconds: processor time of all its processes meanwhile.
        memory: of all its processes after the load of this start, in MiB.
    """

    result: WrkResult
    cpu_seconds: float
    memory: float

    @property
    def cpu_ms(self) -> float:
        """Processor time for each response, in milliseconds."""
        return self.cpu_seconds / max(1, self.result.requests) * 1e3


@dataclass(slots=True)
class Findings:
    """All samples, and how far our own FAQ model agrees with the other.

    Attributes:
        samples: by contestant and concurrency, a sample for each round.
        agreement: share of questions with the same best original; None where it was not compared.
        failures: by contestant, why rounds have no sample of it.
    """

    samples: dict[tuple[Contestant, int], list[Sample]] = field(default_factory=dict)
    agreement: float | None = None
    failures: dict[Contestant, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and how long.

    Attributes:
        contestants: in the order of a round.
        cells: concurrencies by model.
        seconds: of load for each cell.
        warm_up: seconds of load before each cell.
        rounds: how many.
    """

    contestants: Sequence[Contestant]
    cells: Mapping[str, Sequence[int]]
    seconds: float
    warm_up: float
    rounds: int

    def estimate(self) -> float:
        """Return about how many seconds it takes, the installation of peers aside."""
        each = [
            START_SECONDS[one.model, one.is_ours]
            + FIRST_SECONDS
            + len(self.cells[one.model]) * (self.seconds + self.warm_up)
            for one in self.contestants
        ]
        return PREPARING_SECONDS + self.rounds * sum(each)


def measure(
    plan: Plan, material: Material, payloads: Mapping[str, Sequence[Payload]], directory: Path, say: Say
) -> Findings:
    """Run all rounds; a contestant that fails twice in a round has no sample of it, and the others go on.

    Args:
        plan: what to measure.
        material: what to serve.
        payloads: by model.
        directory: for files.
        say: shows a person a line of progress.

    Raises:
        BenchmarkError: a server answers otherwise than the model itself, or none could be measured.
    """
    should = {
        model: [
            answers.ranked({"result": each})
            for each in expected(material, model, payloads[model][:COMPARED], directory)
        ]
        for model in {one.model for one in plan.contestants}
    }
    findings = Findings()
    for number in range(1, plan.rounds + 1):
        for one in plan.contestants:
            which = "its own model, " if one.object == "own" else ""
            say(f"Round {number} of {plan.rounds}: {one.title}, {one.model}, {which}workers: {one.workers_text}")
            asked = _Asked(material, payloads[one.model], should[one.model])
            _tried_twice(partial(_turn, one, plan, asked, findings), one, findings, say)
    if not findings.samples:
        raise BenchmarkError(next(reasons[-1] for reasons in findings.failures.values()))
    return findings


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a contestant serves, what it is sent, and how it should answer the first of it."""

    material: Material
    payloads: Sequence[Payload]
    should: Sequence[Ranked]


def _turn(contestant: Contestant, plan: Plan, asked: _Asked, findings: Findings) -> None:
    with started(contestant, asked.material, asked.payloads) as running:
        _check(contestant, running, asked.should, findings)
        for concurrency, sample in _loaded(running, plan.cells[contestant.model], plan):
            findings.samples.setdefault((contestant, concurrency), []).append(sample)


def _tried_twice(turn: Callable[[], None], contestant: Contestant, findings: Findings, say: Say) -> None:
    """Take a contestant's turn, a second time if need be: one server that fails should not end a long run."""
    for is_last in (False, True):
        try:
            turn()
        except WrongAnswer:
            raise
        except BenchmarkError as error:
            say(f"{error} {'Left out of this round.' if is_last else 'Trying once more.'}")
            if is_last:
                findings.failures.setdefault(contestant, []).append(str(error))
        else:
            return


def _check(contestant: Contestant, running: Running, should: Sequence[Ranked], findings: Findings) -> None:
    found = [answers.ranked(each) for each in running.answers(len(should))]
    if contestant.object == "own":
        findings.agreement = answers.check_agreement(found, should)
    else:
        answers.check_same(found, should, contestant.title)


def _loaded(running: Running, cells: Sequence[int], plan: Plan) -> list[tuple[int, Sample]]:
    wrk.run(running.url, running.payloads, connections=max(cells), seconds=FIRST_SECONDS)
    measured: list[tuple[int, WrkResult, float]] = []
    for concurrency in cells:
        load: dict[str, Any] = {"connections": concurrency}
        if plan.warm_up:
            wrk.run(running.url, running.payloads, seconds=plan.warm_up, **load)
        meter = CpuMeter(running.service.processes)
        result = wrk.run(running.url, running.payloads, seconds=plan.seconds, **load)
        measured.append((concurrency, result, sum(seconds for _, seconds in meter.used())))
    memory = running.memory()
    return [(concurrency, Sample(result, cpu, memory)) for concurrency, result, cpu in measured]
