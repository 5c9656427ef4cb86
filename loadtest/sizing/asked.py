"""What was asked for on the command line: `NAME=VALUE` for one model, `VALUE` for all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest.errors import BenchmarkError
from loadtest.sizing.capacity import Capacity, read_capacity
from loadtest.sizing.demand import INGRESS_SECONDS, Demand
from loadtest.sizing.formula import Headroom
from loadtest.sizing.node_types import Resources

_ALL = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Options as they were given."""

    rate: Sequence[str] | None = None
    model: Sequence[str] | None = None
    seconds_per_request: Sequence[str] | None = None
    requests_per_replica: Sequence[str] | None = None
    p99_ms: Sequence[str] | None = None
    cpu: Sequence[str] | None = None
    memory: Sequence[str] | None = None
    gpu: Sequence[str] | None = None
    ingress_seconds: Sequence[str] | None = None
    preprocess_seconds: Sequence[str] | None = None


def demands_of(asked: Asked, *, utilization: float, headroom: Headroom) -> list[Demand]:
    """Make a demand of each model that any option names.

    Raises:
        BenchmarkError: an option is wrong, a rate is missing, or nothing says how long a request takes.
    """
    capacities = {name: _capacity(name, path) for name, path in _named_files(asked.model).items()}
    numbers = _Numbers(asked)
    names = list(dict.fromkeys([*capacities, *numbers.names]))
    if not names:
        raise BenchmarkError("Name a model: --model NAME=FILE as measured, or --seconds-per-request NAME=SECONDS.")
    if stray := [name for name in asked.gpu or [] if name not in names]:
        raise BenchmarkError(f"--gpu {stray[0]} names no model; there are {', '.join(names)}.")
    return [
        _demand(
            name,
            numbers,
            capacity=capacities.get(name),
            gpus=int(name in (asked.gpu or [])),
            utilization=utilization,
            headroom=headroom,
        )
        for name in names
    ]


class _Numbers:
    """Options with numbers, checked, by option and model."""

    def __init__(self, asked: Asked) -> None:
        self._values = {
            option: numbers(f"--{option.replace('_', '-')}", getattr(asked, option))
            for option in ("rate", "seconds_per_request", "requests_per_replica", "p99_ms", "cpu", "memory",
                           "ingress_seconds", "preprocess_seconds")
        }  # fmt: skip

    @property
    def names(self) -> list[str]:
        """Models, in the order in which rates and seconds name them."""
        return [name for option in ("seconds_per_request", "rate") for name in self._values[option] if name != _ALL]

    def of(self, option: str, name: str, default: float) -> float:
        return self.maybe(option, name) or default

    def maybe(self, option: str, name: str) -> float | None:
        values = self._values[option]
        return values.get(name, values.get(_ALL))


def numbers(option: str, given: Sequence[str] | None) -> dict[str, float]:
    """Read `NAME=NUMBER` and `NUMBER`; the name of the latter is empty.

    Raises:
        BenchmarkError: something is no number above 0.
    """
    found: dict[str, float] = {}
    for text in given or []:
        name, _, value = text.rpartition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number > 0):
            raise BenchmarkError(f"{option} {text} is not NAME=NUMBER with a number above 0.")
        found[name] = number
    return found


def _named_files(given: Sequence[str] | None) -> dict[str, Path | None]:
    files: dict[str, Path | None] = {}
    for text in given or []:
        name, _, path = text.partition("=")
        if not name:
            raise BenchmarkError(f"--model {text} is not NAME=FILE.")
        files[name] = Path(path) if path else None
    return files


def _capacity(name: str, path: Path | None) -> Capacity | None:
    if path is None:
        return None
    capacity = read_capacity(path)
    if capacity.model != name:
        raise BenchmarkError(f"{path} was measured for {capacity.model}, not {name}.")
    return capacity


def _demand(
    name: str,
    numbers: _Numbers,
    *,
    capacity: Capacity | None,
    gpus: int,
    utilization: float,
    headroom: Headroom,
) -> Demand:
    rate = numbers.maybe("rate", name)
    if rate is None:
        raise BenchmarkError(f"How many requests/s {name} gets is missing: give --rate {name}=RATE, or --rate RATE.")
    slots = numbers.of("requests_per_replica", name, 1)
    if slots != int(slots):
        raise BenchmarkError(f"--requests-per-replica {name}={slots:g} must be a whole number.")
    return Demand(
        name=name,
        rate=rate,
        seconds=numbers.maybe("seconds_per_request", name),
        capacity=capacity,
        p99_ms=numbers.maybe("p99_ms", name),
        utilization=utilization,
        per_replica=int(slots),
        each=Resources(cpu=numbers.of("cpu", name, 1), memory_gib=numbers.of("memory", name, 2), gpus=gpus),
        preprocess_seconds=numbers.of("preprocess_seconds", name, 0),
        ingress_seconds=numbers.of("ingress_seconds", name, INGRESS_SECONDS),
        headroom=headroom,
    )
