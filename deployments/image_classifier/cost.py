"""What images cost on a CPU and on a GPU, from how many a second each classifies."""

from __future__ import annotations

from dataclasses import dataclass

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
