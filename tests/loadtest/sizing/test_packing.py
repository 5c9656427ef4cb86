"""Replicas on nodes: everything fits, everything is there, also after the loss of nodes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.errors import BenchmarkError
from loadtest.sizing.node_types import Resources
from loadtest.sizing.packing import Group, pack, replicas_of

ROOM = Resources(cpu=7.3, memory_gib=25.7, gpus=1)


@st.composite
def groups(draw):
    return [
        Group(
            name,
            draw(st.integers(1, 40)),
            Resources(
                cpu=draw(st.floats(0.05, 7.3)), memory_gib=draw(st.floats(0.1, 25.7)), gpus=draw(st.integers(0, 1))
            ),
        )
        for name in draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True))
    ]


@given(groups())
def test_every_replica_is_on_a_node_that_has_room_for_it(given_groups):
    nodes = pack(given_groups, ROOM)
    assert replicas_of(nodes) == {group.name: group.replicas for group in given_groups}
    for node in nodes:
        total = Resources(cpu=0, memory_gib=0)
        for group in given_groups:
            total = total.plus(group.each, node.replicas[group.name])
        assert total.cpu <= ROOM.cpu + 1e-6
        assert total.memory_gib <= ROOM.memory_gib + 1e-6
        assert total.gpus <= ROOM.gpus


@given(st.integers(1, 200), st.integers(0, 50), st.floats(0.05, 7.3), st.floats(0.1, 25.7))
def test_more_replicas_of_a_kind_never_need_fewer_nodes(replicas, more, cpu, memory):
    each = Resources(cpu=cpu, memory_gib=memory)
    few = pack([Group("a", replicas, each)], ROOM)
    assert len(pack([Group("a", replicas + more, each)], ROOM)) >= len(few)
    assert len(few) >= math.ceil(replicas * cpu / ROOM.cpu - 1e-6)


@given(groups(), st.integers(1, 2))
def test_enough_is_left_whichever_nodes_are_lost(given_groups, lost):
    nodes = pack(given_groups, ROOM, spare_nodes=lost)
    for group in given_groups:
        counts = sorted((node.replicas[group.name] for node in nodes), reverse=True)
        assert sum(counts[lost:]) >= group.replicas
    assert all(node.used.cpu <= ROOM.cpu + 1e-6 for node in nodes)


def test_a_gpu_holds_one_replica():
    nodes = pack([Group("image", 3, Resources(cpu=1, memory_gib=2, gpus=1))], ROOM)
    assert [node.used.gpus for node in nodes] == [1, 1, 1]


def test_what_fits_on_no_node_is_said():
    with pytest.raises(
        BenchmarkError, match=r"replica of big \(8 cores, 2 GiB, 0 GPUs\) is larger .* larger node type"
    ):
        pack([Group("big", 1, Resources(cpu=8, memory_gib=2))], ROOM)
