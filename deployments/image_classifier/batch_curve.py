"""How fast batches of each size are, and which size to take."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from deployments.image_classifier.engines.engine import Engine
from deployments.image_classifier.engines.probe import probe

# No larger batch is tried.
LARGEST = 32

# A batch that takes longer is not worth what it gains: whoever comes next waits for its end.
LONGEST_SECONDS = 1.0

# Throughput within this share of the best is good enough, in a batch that is smaller and so sooner done.
ENOUGH = 0.95

# Twice the images must bring so much; two sizes in a row that do not end the measurement, since one may be disturbed.
GROWTH = 1.02
STALLS = 2

# Each size runs so often, and for so long.
RUNS = 3
RUN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class BatchSpeed:
    """How fast batches of one size are.

    Attributes:
        size: images in a batch.
        seconds: that a batch takes while each stream works on one.
        images_per_second: of all streams together.
    """

    size: int
    seconds: float
    images_per_second: float


Curve = Sequence[BatchSpeed]

ResultT = TypeVar("ResultT")


def measure_curve(engine: Engine, side: int, *, largest: int = LARGEST) -> Curve:
    """Measure batches of 1, 2, 4, ... images, in a few seconds.

    Args:
        engine: nobody else uses it; a single stream is measured on the thread that calls.
        side: of the images, in pixels.
        largest: size of a batch.

    Raises:
        RuntimeError: the library failed.
    """
    return follow_curve(lambda size: _seconds(engine, side, size), streams=engine.streams, largest=largest)


def follow_curve(seconds_of: Callable[[int], float], *, streams: int = 1, largest: int = LARGEST) -> Curve:
    """Double the size while that gains throughput and a batch ends in time.

    Args:
        seconds_of: how long a batch of so many images takes.
        streams: batches at the same time.
        largest: size of a batch.
    """
    curve: list[BatchSpeed] = []
    for speed in while_growing(_speeds(seconds_of, streams, largest), lambda each: each.images_per_second):
        curve.append(speed)
        if 2 * speed.seconds > LONGEST_SECONDS:
            break
    return curve


def doubled(largest: int) -> Iterator[int]:
    """Give 1, 2, 4, ... up to the largest."""
    return (2**power for power in range(largest.bit_length()))


def while_growing(measured: Iterable[ResultT], speed_of: Callable[[ResultT], float]) -> Iterator[ResultT]:
    """Pass measurements on until as many as `STALLS` in a row have not gained throughput.

    Args:
        measured: each is made when it is asked for.
        speed_of: its images per second.
    """
    best, stalls = 0.0, 0
    for each in measured:
        yield each
        speed = speed_of(each)
        stalls = 0 if speed > GROWTH * best else stalls + 1
        best = max(best, speed)
        if stalls == STALLS:
            return


def pick_size(curve: Curve) -> int:
    """Return the smallest size with nearly the best throughput."""
    best = max(speed.images_per_second for speed in curve)
    return next(speed.size for speed in curve if speed.images_per_second >= ENOUGH * best)


def told(curve: Curve) -> str:
    """Return the curve for people, as in `1: 45.1, 2: 51.0`: images per second by size."""
    return ", ".join(f"{speed.size}: {speed.images_per_second:.1f}" for speed in curve)


def _speeds(seconds_of: Callable[[int], float], streams: int, largest: int) -> Iterator[BatchSpeed]:
    for size in doubled(largest):
        seconds = seconds_of(size)
        yield BatchSpeed(size, seconds, streams * size / seconds)


def _seconds(engine: Engine, side: int, size: int) -> float:
    images = probe(side, size)
    if engine.streams == 1:
        # Other processes only ever add to the time of a batch.
        return min(_samples(engine, images))
    with ThreadPoolExecutor(engine.streams) as lanes:
        runs = [lanes.submit(_samples, engine, images) for _ in range(engine.streams)]
        # Not the least: whoever is the first or the last to run has the machine for itself.
        return statistics.median(seconds for run in runs for seconds in run.result())


def _samples(engine: Engine, images: NDArray[np.uint8]) -> list[float]:
    engine.infer(images)
    samples: list[float] = []
    until = time.perf_counter() + RUN_SECONDS
    while len(samples) < RUNS or time.perf_counter() < until:
        started = time.perf_counter()
        engine.infer(images)
        samples.append(time.perf_counter() - started)
    return samples
