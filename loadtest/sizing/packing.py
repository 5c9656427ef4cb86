"""Replicas onto nodes: as few as hold them, with room for the loss of some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loadtest.errors import BenchmarkError
from loadtest.sizing.node_types import Resources


@dataclass(frozen=True, slots=True)
class Group:
    """Replicas of one kind.

    Attributes:
        name: for people.
        replicas: that must run.
        each: what one asks for.
    """

    name: str
    replicas: int
    each: Resources


@dataclass(slots=True)
class Node:
    """What runs on one node."""

    used: Resources = field(default_factory=lambda: Resources(cpu=0, memory_gib=0))
    replicas: Counter[str] = field(default_factory=Counter)

    def has_room(self, group: Group, room: Resources) -> bool:
        """Whether one more fits."""
        return self.used.plus(group.each).fits(room)

    def add(self, group: Group) -> None:
        """Put one more here."""
        self.used = self.used.plus(group.each)
        self.replicas[group.name] += 1


def pack(groups: Sequence[Group], room: Resources, *, spare_nodes: int = 0) -> list[Node]:
    """Put all replicas on nodes of one type: the largest first, each on the first node with room for it.

    Args:
        groups: what must run.
        room: of one node, for replicas.
        spare_nodes: that may be lost at once, while as many replicas of every kind go on running.

    Returns:
        Nodes; with spare nodes there are more replicas on them than the groups name.

    Raises:
        BenchmarkError: a replica is larger than a node.
    """
    for group in groups:
        _check(group, room)
    nodes: list[Node] = []
    for group in sorted(groups, key=lambda group: _share(group.each, room), reverse=True):
        for _ in range(group.replicas):
            _place(group, nodes, room)
    while spare_nodes and (missing := _missing(groups, nodes, spare_nodes)):
        for group in missing:
            _spread(group, nodes, room)
    return nodes


def replicas_of(nodes: Sequence[Node]) -> Mapping[str, int]:
    """Count the replicas of each kind."""
    return sum((node.replicas for node in nodes), Counter())


def _check(group: Group, room: Resources) -> None:
    if not group.each.fits(room):
        raise BenchmarkError(
            f"A replica of {group.name} ({group.each.cpu:g} cores, {group.each.memory_gib:g} GiB, "
            f"{group.each.gpus} GPUs) is larger than what a node has left ({room.cpu:.2f} cores, "
            f"{room.memory_gib:.1f} GiB, {room.gpus} GPUs): choose a larger node type."
        )


def _share(each: Resources, room: Resources) -> float:
    gpus = each.gpus / room.gpus if room.gpus else 0.0
    return max(each.cpu / room.cpu, each.memory_gib / room.memory_gib, gpus)


def _place(group: Group, nodes: list[Node], room: Resources) -> None:
    for node in nodes:
        if node.has_room(group, room):
            node.add(group)
            return
    _on_new(group, nodes)


def _spread(group: Group, nodes: list[Node], room: Resources) -> None:
    """Put one more where the fewest of its kind are, so that a loss takes few of them."""
    with_room = [node for node in nodes if node.has_room(group, room)]
    most = max(node.replicas[group.name] for node in nodes)
    fewest = min(with_room, key=lambda node: node.replicas[group.name], default=None)
    # One more on the fullest node would be lost with it.
    if fewest is None or fewest.replicas[group.name] >= most:
        _on_new(group, nodes)
    else:
        fewest.add(group)


def _on_new(group: Group, nodes: list[Node]) -> None:
    node = Node()
    node.add(group)
    nodes.append(node)


def _missing(groups: Sequence[Group], nodes: Sequence[Node], lost: int) -> list[Group]:
    """Kinds of which too few are left when the nodes with the most of them are lost."""
    return [group for group in groups if _left(group, nodes, lost) < group.replicas]


def _left(group: Group, nodes: Sequence[Node], lost: int) -> int:
    counts = sorted((node.replicas[group.name] for node in nodes), reverse=True)
    return sum(counts[lost:])
