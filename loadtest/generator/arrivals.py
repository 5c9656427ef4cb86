"""When requests are due: rates in steps, and the times of their requests."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from loadtest.errors import BenchmarkError

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_RATE = re.compile(r"\d+(?:\.\d+)?")


class Arrivals(StrEnum):
    """How requests follow each other."""

    CONSTANT = "constant"
    POISSON = "poisson"


class Step(BaseModel):
    """A stretch of a run.

    Attributes:
        rate: requests per second that are due; None where each client sends its next request after an answer.
        seconds: its length; with a number of requests, the longest that it may take.
        warm_up: whether what happens in it stays out of the figures.
    """

    model_config = ConfigDict(frozen=True)

    rate: float | None
    seconds: float
    warm_up: bool = False


def parse_duration(text: str) -> float:
    """Read `30s`, `2m`, `1.5h`, `500ms` or `30` as seconds.

    Raises:
        BenchmarkError: it is none of these, or no time at all.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _UNITS[match[2] or "s"] if match else 0.0
    if not seconds:
        raise BenchmarkError(f"{text!r} is no duration; write 30s, 2m or 1h.")
    return seconds


def parse_steps(text: str, seconds: float) -> list[Step]:
    """Read rates and how long each holds.

    Args:
        text: rates in requests per second, with commas between them, such as `50`, `10,20,40/30s` or `10,20/30s,40/1m`.
            A duration holds for the rates before it that have none.
        seconds: of rates that no duration follows.

    Raises:
        BenchmarkError: it has another form.
    """
    steps: list[Step] = []
    waiting: list[float] = []
    for item in text.split(","):
        rate, slash, duration = item.strip().partition("/")
        if not _RATE.fullmatch(rate.strip()) or not float(rate):
            raise BenchmarkError(f"{item.strip()!r} is no rate; write 50, or 10,20,40/30s for steps of 30 s.")
        waiting.append(float(rate))
        if slash:
            length = parse_duration(duration)
            steps += [Step(rate=each, seconds=length) for each in waiting]
            waiting.clear()
    return steps + [Step(rate=each, seconds=seconds) for each in waiting]


def due_times(steps: Sequence[Step], arrivals: Arrivals, seed: int) -> Iterator[tuple[float, int]]:
    """Return when each request is due, in seconds since the start, and the number of its step.

    Args:
        steps: all with a rate.
        arrivals: constant: all gaps are 1 / rate; Poisson: gaps are exponentially distributed, as those between the
            requests of many clients that know nothing of each other are.
        seed: of the chance; the same seed gives the same times in every process.
    """
    chance = random.Random(seed)
    begun = 0.0
    for number, step in enumerate(steps):
        assert step.rate is not None  # noqa: S101 - the caller's
        offsets = _constant(step) if arrivals is Arrivals.CONSTANT else _poisson(step, chance)
        for offset in offsets:
            yield begun + offset, number
        begun += step.seconds


def starts(steps: Sequence[Step]) -> list[float]:
    """Return when each step begins, and after them when the last one ends, in seconds since the start."""
    found = [0.0]
    for step in steps:
        found.append(found[-1] + step.seconds)
    return found


def _constant(step: Step) -> Iterator[float]:
    assert step.rate is not None  # noqa: S101 - as above
    # Each from the start, so that errors of rounding do not add up.
    for number in range(max(1, round(step.rate * step.seconds))):
        yield number / step.rate


def _poisson(step: Step, chance: random.Random) -> Iterator[float]:
    assert step.rate is not None  # noqa: S101 - as above
    offset = chance.expovariate(step.rate)
    while offset < step.seconds:
        yield offset
        offset += chance.expovariate(step.rate)
