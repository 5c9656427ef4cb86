"""What nodes cost, by month and by request; and how many CPUs equal a GPU."""

from __future__ import annotations

from dataclasses import dataclass

from loadtest.sizing.capacity import Capacity
from loadtest.sizing.node_types import HOURS_PER_MONTH, NodeType, NodeTypes

_SECONDS_PER_HOUR = 3600
MILLION = 1_000_000


def per_million(price_per_month: float, rate: float) -> float:
    """Return what a million requests cost.

    Args:
        price_per_month: of all nodes, paid whether they work or not.
        rate: mean requests per second over the month.
    """
    return price_per_month * MILLION / (rate * HOURS_PER_MONTH * _SECONDS_PER_HOUR)


@dataclass(frozen=True, slots=True)
class Equivalence:
    """What of a CPU does the work of one GPU.

    Attributes:
        cpu_per_core: requests per second of one core, the service around the model included.
        gpu: requests per second of one GPU.
        cores: that equal the GPU.
        cpu_per_million: price of a million requests on CPU nodes.
        gpu_per_million: the same on GPU nodes.
        price_limit: of an hour of the GPU's node, up to which it is the cheaper one.
        least_rate: requests per second from which one GPU node costs less than as many CPU nodes as that rate needs.
    """

    cpu_per_core: float
    gpu: float
    cores: float
    cpu_per_million: float
    gpu_per_million: float
    price_limit: float
    least_rate: float


def equivalence(
    cpu: Capacity, gpu: Capacity, *, cpu_node: NodeType, gpu_node: NodeType, types: NodeTypes, utilization: float
) -> Equivalence:
    """Compare the capacities that were measured on a CPU and on a GPU.

    Args:
        cpu: all of its machine's cores serve.
        gpu: each of its replicas has one GPU.
        cpu_node: what cores are paid for as.
        gpu_node: what GPUs are paid for as.
        types: what nodes have left for replicas.
        utilization: share of the paid time in which nodes work.
    """
    per_core = cpu.capacity_per_s / cpu.cores
    per_gpu = gpu.per_replica()
    core_price = cpu_node.price_per_hour / types.room(cpu_node).cpu
    gpu_price = gpu_node.price_per_hour / gpu_node.gpus
    return Equivalence(
        cpu_per_core=per_core,
        gpu=per_gpu,
        cores=per_gpu / per_core,
        cpu_per_million=_of_an_hour(core_price, per_core * utilization),
        gpu_per_million=_of_an_hour(gpu_price, per_gpu * utilization),
        price_limit=core_price * per_gpu / per_core,
        least_rate=gpu_price / core_price * per_core * utilization,
    )


def _of_an_hour(price: float, rate: float) -> float:
    return price * MILLION / (rate * _SECONDS_PER_HOUR)
