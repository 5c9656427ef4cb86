"""Which threads, streams and batches serve the most images on this machine within a wanted latency."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from deployments.image_classifier.batch_curve import LARGEST, doubled, while_growing
from deployments.image_classifier.batching import BatchRunner, Pixels
from deployments.image_classifier.engines.engine import Engine
from deployments.image_classifier.engines.probe import probe

# Throughput within this share of the best is the same, as far as a short measurement can tell.
SAME = 0.97

# One measurement takes between so many seconds, of which the first part only fills the queue.
LEAST_SECONDS = 0.3
MOST_SECONDS = 4.0
FILLING = 0.2

# Callers that are busy outside of the network, where there is work outside of it.
OUTSIDE = 2

MILLISECONDS = 1e3

# Loads the engine with so many threads and streams, on the thread that calls.
Open = Callable[[int, int], Engine]

# What a request costs before it reaches the network, on other processes.
Outside = Callable[[], Awaitable[None]]

# Told the number of measurements that are done, and of those that there are at the most.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is tuned.

    Attributes:
        threads: that compute.
        streams: batches at the same time, which share the threads.
        max_batch: images in a batch.
        in_flight: requests that the replica works on at once: one for each stream; else twice what its batches hold,
            so that the next batch waits when one ends.
    """

    threads: int
    streams: int
    max_batch: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Ran:
    """What was measured: seconds of each request, and throughput."""

    latencies: list[float]
    images_per_second: float


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting, measured with as many requests in flight as it has; times without HTTP and decoding.

    Attributes:
        setting: what was measured.
        alone_ms: median of a request while there is no other.
        p50_ms: median of all requests.
        p99_ms: 99 % are faster.
        images_per_second: throughput.
    """

    setting: Setting
    alone_ms: float
    p50_ms: float
    p99_ms: float
    images_per_second: float

    @classmethod
    def of(cls, setting: Setting, alone: float, ran: Ran) -> Trial:
        """Sum up a measurement; `alone` in seconds. Of fewer than 100 latencies the largest is p99."""
        p99 = float(np.quantile(ran.latencies, 0.99, method="inverted_cdf"))
        p50 = statistics.median(ran.latencies)
        return cls(setting, alone * MILLISECONDS, p50 * MILLISECONDS, p99 * MILLISECONDS, ran.images_per_second)


def shares(cpus: int, *, takes_streams: bool) -> list[tuple[int, int]]:
    """Return the threads and streams to try, likeliest first.

    All CPUs, one less for the web server beside, half of them; 1, 2, 4, ... streams up to the threads.
    """
    threads = sorted({count for count in (cpus, cpus - 1, cpus // 2) if count >= 1}, reverse=True)
    streams = list(doubled(cpus)) if takes_streams else [1]
    return [(each, several) for several in streams for each in threads if several <= each]


def sizes(streams: int, largest: int = LARGEST) -> list[tuple[int, int]]:
    """Return sizes of a batch with requests in flight, smallest first; see `Setting`."""
    return [(1, streams), *((size, 2 * streams * size) for size in doubled(largest))]


def tune(
    open_engine: Open,
    pairs: list[tuple[int, int]],
    *,
    side: int,
    p99_ms: float,
    seconds: float,
    outside: Outside | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Iterator[Trial]:
    """Measure settings, one after the other.

    Args:
        open_engine: loads the engine.
        pairs: threads and streams to try; see `shares`.
        side: of the images, in pixels.
        p99_ms: with what takes longer, more in flight is not tried.
        seconds: after which no further pair is begun; each gets its part of them.
        outside: work before each request.
        progress: told how far it is.

    Raises:
        RuntimeError: the library failed.
    """
    until = time.perf_counter() + seconds
    places = len(sizes(1))
    for index, (threads, streams) in enumerate(pairs):
        left = until - time.perf_counter()
        if left <= 0 and index:
            return
        window = left / (len(pairs) - index) / (places + 1)
        measure = _Measure(side, min(max(window, LEAST_SECONDS), MOST_SECONDS), outside)
        with _opened(open_engine, threads, streams) as (engine, lanes):
            for done, trial in enumerate(_follow(engine, lanes, measure, threads, p99_ms)):
                yield trial
                progress(index * places + done + 1, len(pairs) * places)
    progress(len(pairs) * places, len(pairs) * places)


def best_of(trials: list[Trial], p99_ms: float) -> Trial | None:
    """Return the trial of the highest throughput whose p99 holds; of several as good, the fastest for one request."""
    holding = [trial for trial in trials if trial.p99_ms <= p99_ms]
    if not holding:
        return None
    most = max(trial.images_per_second for trial in holding)
    return min(
        (trial for trial in holding if trial.images_per_second >= SAME * most),
        key=lambda trial: (trial.alone_ms, trial.p99_ms),
    )


@contextmanager
def _opened(open_engine: Open, threads: int, streams: int) -> Iterator[tuple[Engine, ThreadPoolExecutor]]:
    """Load an engine and make its lanes, as a replica does."""
    with ThreadPoolExecutor(1) as first:
        engine = first.submit(open_engine, threads, streams).result()
        if engine.streams == 1:
            yield engine, first
            return
        with ThreadPoolExecutor(engine.streams) as lanes:
            yield engine, lanes


def _follow(
    engine: Engine, lanes: ThreadPoolExecutor, measure: _Measure, threads: int, p99_ms: float
) -> Iterator[Trial]:
    """Measure one engine with ever more requests in flight, while that gains throughput and p99 holds."""
    alone = statistics.median(measure.run(engine, lanes, Setting(threads, engine.streams, 1, 1)).latencies)
    settings = (Setting(threads, engine.streams, *each) for each in sizes(engine.streams, engine.max_batch))
    trials = (Trial.of(setting, alone, measure.run(engine, lanes, setting)) for setting in settings)
    for trial in while_growing(trials, lambda each: each.images_per_second):
        yield trial
        if trial.p99_ms > p99_ms:
            return


@dataclass(frozen=True, slots=True)
class _Measure:
    """Runs an engine as the replica does, for so many seconds, with single images of so many pixels."""

    side: int
    seconds: float
    outside: Outside | None

    def run(self, engine: Engine, lanes: ThreadPoolExecutor, setting: Setting) -> Ran:
        return asyncio.run(self._run(engine, lanes, setting))

    async def _run(self, engine: Engine, lanes: ThreadPoolExecutor, setting: Setting) -> Ran:
        batches = BatchRunner(engine.infer, lanes, count=engine.streams, max_batch=setting.max_batch)
        image = probe(self.side)
        # The first run of a size takes longer, in every stream.
        await asyncio.gather(*(batches.infer(probe(self.side, setting.max_batch)) for _ in range(engine.streams)))
        load = _Load(batches, setting.in_flight, self.outside)
        callers = setting.in_flight if self.outside is None or setting.in_flight == 1 else setting.in_flight + OUTSIDE
        started = time.perf_counter()
        counted, until = started + FILLING * self.seconds, started + self.seconds
        answered = await asyncio.gather(*(load.ask(image, until) for _ in range(callers)))
        # Those that end after the time is over are slower, and must not be left out.
        ended = time.perf_counter()
        samples = [sample for part in answered for sample in part]
        full = [end - start for start, end in samples if end >= counted]
        return Ran(full, len(full) / (ended - counted))


class _Load:
    """Callers who ask again as soon as they are answered."""

    def __init__(self, batches: BatchRunner, in_flight: int, outside: Outside | None) -> None:
        self._batches = batches
        self._room = asyncio.Semaphore(in_flight)
        self._outside = outside

    async def ask(self, image: Pixels, until: float) -> list[tuple[float, float]]:
        samples: list[tuple[float, float]] = []
        while not samples or time.perf_counter() < until:
            if self._outside is not None:
                await self._outside()
            async with self._room:
                started = time.perf_counter()
                await self._batches.infer(image)
                samples.append((started, time.perf_counter()))
        return samples
