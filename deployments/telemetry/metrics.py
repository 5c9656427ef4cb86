"""Counters, histograms and gauges of this process, gathered here and exported together from time to time.

A metric of Ray costs 4 to 10 microseconds for each value, labels included, on the thread that gives it. Here a value
costs a few tenths of one, and nothing at all until an exporter is there.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

# Values of labels, in the order of an instrument's label names.
Labels = tuple[str, ...]

# Between two exports; beyond it a histogram forgets the oldest.
MAX_OBSERVATIONS = 200_000


@dataclass(slots=True)
class Switch:
    """Whether somebody exports the instruments of a registry."""

    on: bool = False


@dataclass(slots=True, eq=False)
class Instrument:
    """What all instruments have.

    Attributes:
        name: without Ray's prefix and Prometheus's suffixes.
        description: one sentence; with the unit where there is one.
        labels: names of its labels.
    """

    name: str
    description: str
    labels: tuple[str, ...]
    switch: Switch = field(repr=False)


@dataclass(slots=True, eq=False)
class Counter(Instrument):
    """Counts; its exported name ends with `_total`."""

    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _added: dict[Labels, float] = field(default_factory=dict, repr=False)

    def add(self, amount: float, labels: Labels) -> None:
        """Add to the count."""
        if self.switch.on:
            with self._lock:
                self._added[labels] = self._added.get(labels, 0.0) + amount

    def take(self) -> dict[Labels, float]:
        """Return what was added since the last time."""
        with self._lock:
            taken, self._added = self._added, {}
        return taken


@dataclass(slots=True, eq=False)
class Histogram(Instrument):
    """Counts values by size.

    Attributes:
        boundaries: upper bounds of its buckets, ascending.
    """

    boundaries: tuple[float, ...] = ()
    _values: deque[tuple[Labels, float]] = field(default_factory=lambda: deque(maxlen=MAX_OBSERVATIONS), repr=False)

    def observe(self, value: float, labels: Labels) -> None:
        """Count one value."""
        if self.switch.on:
            self._values.append((labels, value))

    def take(self) -> list[tuple[Labels, float]]:
        """Return the values since the last time."""
        return [self._values.popleft() for _ in range(len(self._values))]


@dataclass(slots=True, eq=False)
class Gauge(Instrument):
    """Values of the moment, asked for when they are exported; those of equal labels are added up."""

    _watched: list[tuple[weakref.ref[Any], Labels, Callable[[Any], float]]] = field(default_factory=list, repr=False)

    def watch(self, owner: Any, labels: Labels, value: Callable[[Any], float]) -> None:
        """Export a value of an object for as long as the object is there."""
        self._watched.append((weakref.ref(owner), labels, value))

    def read(self) -> dict[Labels, float]:
        """Return the values now."""
        self._watched = [each for each in self._watched if each[0]() is not None]
        values: dict[Labels, float] = {}
        for reference, labels, value in self._watched:
            if (owner := reference()) is not None:
                values[labels] = values.get(labels, 0.0) + value(owner)
        return values


InstrumentT = TypeVar("InstrumentT", Counter, Histogram, Gauge)


class Registry:
    """The instruments of a process."""

    def __init__(self) -> None:
        self._switch = Switch()
        self.instruments: list[Counter | Histogram | Gauge] = []

    def counter(self, name: str, description: str, labels: tuple[str, ...]) -> Counter:
        """Make a counter."""
        return self._added(Counter(name, description, labels, self._switch))

    def histogram(
        self, name: str, description: str, labels: tuple[str, ...], boundaries: tuple[float, ...]
    ) -> Histogram:
        """Make a histogram; see `Histogram` for the boundaries."""
        return self._added(Histogram(name, description, labels, self._switch, boundaries))

    def gauge(self, name: str, description: str, labels: tuple[str, ...]) -> Gauge:
        """Make a gauge."""
        return self._added(Gauge(name, description, labels, self._switch))

    @property
    def is_on(self) -> bool:
        """Whether somebody takes the values."""
        return self._switch.on

    def switch_on(self) -> None:
        """Begin to gather: somebody takes the values from now on."""
        self._switch.on = True

    def _added(self, instrument: InstrumentT) -> InstrumentT:
        self.instruments.append(instrument)
        return instrument
