"""What images cost on a CPU and on a GPU, from how many a second each classifies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from deployments.image_classifier.engines.engine import Engine
from deployments.image_classifier.engines.probe import probe

SECONDS_PER_HOUR = 3600
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Throughput:
    """How many images a second a machine classifies.

    Attributes:
        images_per_second: of the network alone, all cores or the whole GPU at work.
        measured: whether on this machine, now; else somebody gave the figure.
        how: what was measured, for people.
    """

    images_per_second: float
    measured: bool
    how: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What images cost on one machine.

    Attributes:
        images_per_second: that it answers in the long run, idle time included.
        images_per_unit: images for one unit of the currency.
        per_million: price of a million images.
    """

    images_per_second: float
    images_per_unit: float
    per_million: float


@dataclass(frozen=True, slots=True)
class Equivalence:
    """What of the CPU does the work of one GPU.

    Attributes:
        cpu_machines: as many machines.
        cpu_cores: as many cores.
        gpu_price_limit: price of an hour of the GPU below which it is the cheaper one.
    """

    cpu_machines: float
    cpu_cores: float
    gpu_price_limit: float


def cost(images_per_second: float, price_per_hour: float, utilization: float) -> Cost:
    """Return what images cost.

    Args:
        images_per_second: at full load.
        price_per_hour: of the machine, in any currency.
        utilization: share of the time in which it has work, above 0 to 1; it is paid for all the time.
    """
    answered = images_per_second * utilization
    images_per_unit = answered * SECONDS_PER_HOUR / price_per_hour
    return Cost(answered, images_per_unit, MILLION / images_per_unit)


def equivalence(cpu: float, gpu: float, *, cpu_cores: int, cpu_price: float) -> Equivalence:
    """Return how much of the CPU does the work of one GPU.

    Args:
        cpu: images per second of a CPU machine.
        gpu: images per second of a GPU.
        cpu_cores: of the CPU machine.
        cpu_price: of an hour of the CPU machine.
    """
    machines = gpu / cpu
    return Equivalence(machines, machines * cpu_cores, machines * cpu_price)


def measure_throughput(
    engine: Engine,
    side: int,
    sizes: Iterable[int],
    *,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, int]:
    """Find the batch size at which an engine classifies the most images.

    Args:
        engine: warmed up.
        side: of its images, in pixels.
        sizes: batch sizes to try, at least one.
        seconds: for each of them, one batch at the least.
        clock: seconds that pass.

    Returns:
        Images per second, and the batch size.

    Raises:
        RuntimeError: the engine failed.
    """
    return max((_images_per_second(engine, side, size, seconds, clock), size) for size in sizes)


def _images_per_second(engine: Engine, side: int, size: int, seconds: float, clock: Callable[[], float]) -> float:
    batch = probe(side, size)
    # The first batch of a size may take memory, or choose kernels.
    engine.infer(batch)
    started, batches = clock(), 0
    while True:
        engine.infer(batch)
        batches += 1
        elapsed = clock() - started
        if elapsed >= seconds:
            return batches * size / elapsed
