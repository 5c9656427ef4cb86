"""Machines to choose from: what they cost, and what Kubernetes leaves of them for pods."""

from __future__ import annotations

from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from loadtest.errors import BenchmarkError
from loadtest.sizing.reading import from_yaml, read_text

HOURS_PER_MONTH = 730

# Millicores that AKS keeps from pods, by the node's cores, and memory:
# https://learn.microsoft.com/azure/aks/node-resource-reservations
_RESERVED_MILLICORES = ((1, 60), (2, 100), (4, 140), (8, 180), (16, 260), (32, 420), (64, 740))
_RESERVED_MB_A_POD = 20
_RESERVED_MB = 50
_MOST_RESERVED = 0.25
_EVICTION_GIB = 100 / 1024
_GIB = 1024**3 / 1_000_000  # in MB


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Resources(_Closed):
    """What something takes of a node.

    Attributes:
        cpu: cores.
        memory_gib: memory.
        gpus: whole GPUs.
    """

    cpu: float = Field(ge=0)
    memory_gib: float = Field(ge=0)
    gpus: int = Field(default=0, ge=0)

    def plus(self, other: Resources, times: int = 1) -> Resources:
        """Return both together."""
        return Resources(
            cpu=self.cpu + times * other.cpu,
            memory_gib=self.memory_gib + times * other.memory_gib,
            gpus=self.gpus + times * other.gpus,
        )

    def fits(self, room: Resources) -> bool:
        """Whether there is room for it, beside what floating point makes of sums."""
        return (
            self.cpu <= room.cpu + 1e-9 and self.memory_gib <= room.memory_gib + 1e-9 and self.gpus <= room.gpus
        )  # fmt: skip


class NodeType(_Closed):
    """One machine."""

    name: str
    cores: int = Field(ge=1)
    memory_gib: float = Field(gt=0)
    gpus: int = Field(ge=0)
    price_per_hour: float = Field(ge=0)

    @property
    def price_per_month(self) -> float:
        """Of 730 hours."""
        return self.price_per_hour * HOURS_PER_MONTH


class NodeTypes(_Closed):
    """The file: machines of one region, with prices of one date."""

    provider: str
    region: str
    as_of: str
    currency: str
    terms: str
    max_pods: int = Field(ge=1)
    agents: Resources
    ray: Resources
    types: list[NodeType] = Field(min_length=1)

    def named(self, name: str) -> NodeType:
        """Return a machine.

        Raises:
            BenchmarkError: there is none of that name.
        """
        for each in self.types:
            if each.name == name:
                return each
        known = ", ".join(each.name for each in self.types)
        raise BenchmarkError(f"There is no node type {name}; there are {known}, or give --node-types.")

    def room(self, node: NodeType) -> Resources:
        """Return what a node has left for replicas: no nominal cores, but what Kubernetes, agents and Ray leave."""
        cpu = node.cores - reserved_cores(node.cores) - self.agents.cpu - self.ray.cpu
        memory = node.memory_gib - reserved_gib(node.memory_gib, self.max_pods)
        memory -= self.agents.memory_gib + self.ray.memory_gib
        if cpu <= 0 or memory <= 0:
            raise BenchmarkError(f"{node.name} is too small: Kubernetes, its agents and Ray leave nothing of it.")
        return Resources(cpu=cpu, memory_gib=memory, gpus=node.gpus)

    def terms_line(self) -> str:
        """Say what prices these are."""
        return f"Prices: {self.provider}, {self.region}, {self.as_of}, {self.currency}, {self.terms}."


def reserved_cores(cores: int) -> float:
    """Return the cores that AKS keeps from pods; between the sizes that it publishes, in proportion."""
    table = _RESERVED_MILLICORES
    for (low, at_low), (high, at_high) in pairwise(table):
        if cores <= high:
            return (at_low + (at_high - at_low) * (cores - low) / (high - low)) / 1000
    (low, at_low), (high, at_high) = table[-2:]
    return (at_high + (at_high - at_low) * (cores - high) / (high - low)) / 1000


def reserved_gib(memory_gib: float, max_pods: int) -> float:
    """Return the memory that AKS (1.29 and later) keeps: 20 MB a pod and 50 MB, a quarter at most, and 100 MiB."""
    by_pods = (_RESERVED_MB_A_POD * max_pods + _RESERVED_MB) / _GIB
    return min(by_pods, _MOST_RESERVED * memory_gib) + _EVICTION_GIB


def read_node_types(path: Path | None) -> NodeTypes:
    """Read machines and prices: a file, or the ones that come with the product.

    Raises:
        BenchmarkError: the file cannot be read or is not valid.
    """
    if path is not None:
        return from_yaml(NodeTypes, read_text(path), str(path))
    own = files("loadtest.sizing") / "node_types.yaml"
    return from_yaml(NodeTypes, own.read_text(encoding="utf-8"), "node_types.yaml")
