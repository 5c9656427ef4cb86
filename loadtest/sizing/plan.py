"""From demands to replicas, nodes and money, by the formula and by the curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from loadtest.errors import BenchmarkError
from loadtest.sizing.demand import Demand, Need
from loadtest.sizing.money import per_million
from loadtest.sizing.node_types import NodeType, NodeTypes, Resources
from loadtest.sizing.packing import Group, Node, pack

# One Python process each, which is busy on one core at the most (docs/benchmarks.md, memory at rest).
INGRESS = Resources(cpu=1, memory_gib=0.5)
PREPROCESS = Resources(cpu=1, memory_gib=0.5)

# Ray's head and the container beside it that adds pods, as the cluster's settings have them by default.
HEAD = Resources(cpu=1.5, memory_gib=2.5)


@dataclass(frozen=True, slots=True)
class Pool:
    """Nodes of one type.

    Attributes:
        type: the machine.
        nodes: what runs on each.
        room: of each, for replicas.
    """

    type: NodeType
    nodes: Sequence[Node]
    room: Resources

    @property
    def per_month(self) -> float:
        """Price of all of them."""
        return len(self.nodes) * self.type.price_per_month


@dataclass(frozen=True, slots=True)
class Plan:
    """What one way of reckoning comes to.

    Attributes:
        needs: of each model, in the demands' order.
        pools: nodes without GPUs first.
        rate: mean requests per second over the month.
    """

    needs: Sequence[Need]
    pools: Sequence[Pool]
    rate: float

    @property
    def nodes(self) -> int:
        """Of all types."""
        return sum(len(pool.nodes) for pool in self.pools)

    @property
    def gpus(self) -> int:
        """That replicas use."""
        return sum(node.used.gpus for pool in self.pools for node in pool.nodes)

    @property
    def cores(self) -> float:
        """That replicas ask for."""
        return sum(node.used.cpu for pool in self.pools for node in pool.nodes)

    @property
    def per_month(self) -> float:
        """Price of all nodes."""
        return sum(pool.per_month for pool in self.pools)

    @property
    def per_million(self) -> float:
        """Price of a million requests."""
        return per_million(self.per_month, self.rate)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What replicas are put on.

    Attributes:
        types: machines and prices.
        cpu_node: for what needs no GPU.
        gpu_node: for the rest.
        spare_nodes: of each type, that may be lost at once.
        spare_replicas: of each stage, beside those that the rate needs.
        average: mean rate of the month as a share of the peak.
    """

    types: NodeTypes
    cpu_node: NodeType
    gpu_node: NodeType
    spare_nodes: int = 0
    spare_replicas: int = 0
    average: float = 1.0


def make_plan(demands: Sequence[Demand], cluster: Cluster, need: Callable[[Demand], Need]) -> Plan:
    """Reckon all demands in one way, and put their replicas on nodes.

    Raises:
        BenchmarkError: something is not known, or a replica fits on no node.
    """
    needs = [need(demand) for demand in demands]
    groups = [group for pair in zip(demands, needs, strict=True) for group in _groups(*pair, cluster.spare_replicas)]
    head = Group("head", 1, HEAD)
    pools = [
        _pool(cluster, cluster.cpu_node, [head, *(group for group in groups if not group.each.gpus)]),
        _pool(cluster, cluster.gpu_node, [group for group in groups if group.each.gpus]),
    ]
    rate = cluster.average * sum(demand.rate for demand in demands)
    return Plan(needs, [pool for pool in pools if pool.nodes], rate)


def pool_lines(plan: Plan) -> Mapping[str, int]:
    """Return how many nodes of each type there are."""
    return {pool.type.name: len(pool.nodes) for pool in plan.pools}


def _groups(demand: Demand, need: Need, spare: int) -> list[Group]:
    groups = [
        Group(demand.name, need.replicas + spare, demand.each),
        Group(f"{demand.name} ingress", need.ingress + spare, INGRESS),
    ]
    if need.preprocess:
        groups.append(Group(f"{demand.name} preprocess", need.preprocess + spare, PREPROCESS))
    return groups


def _pool(cluster: Cluster, node: NodeType, groups: Sequence[Group]) -> Pool:
    room = cluster.types.room(node)
    if groups and any(group.each.gpus for group in groups) and not node.gpus:
        raise BenchmarkError(f"{node.name} has no GPU: name a --gpu-node that has one.")
    return Pool(node, pack(groups, room, spare_nodes=cluster.spare_nodes), room)
