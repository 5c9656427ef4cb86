import asyncio
from collections import Counter
from itertools import count
from types import SimpleNamespace

import pytest
from ray.serve._private.common import DeploymentHandleSource, DeploymentID, RequestMetadata
from ray.serve.request_router import PendingRequest, ReplicaID

from deployments.least_busy_router import LOOKED_AT, OFFERED, SENT_SECONDS, LeastBusyRouter

STAGE = DeploymentID("stage", "scoring")


def replica(number, *, full=False):
    """A replica as a router sees it, which says how many calls it works on when it is asked."""
    most = 10

    async def get_queue_len(*, deadline_s):
        return most if full else 0

    return SimpleNamespace(
        replica_id=ReplicaID(str(number), STAGE),
        node_id="node",
        availability_zone=None,
        multiplexed_model_ids=set(),
        max_ongoing_requests=most,
        actor_id=None,
        update_replica_info=lambda _: None,
        get_queue_len=get_queue_len,
    )


@pytest.fixture
def router_of():
    def make(replicas):
        router = LeastBusyRouter(STAGE, DeploymentHandleSource.REPLICA, use_replica_queue_len_cache=True)
        router.update_replicas(replicas)
        return router

    return make


def call(number):
    return PendingRequest([], {}, RequestMetadata(request_id=str(number), internal_request_id=str(number)))


async def send(router, number):
    """Make a call as Ray Serve does, and return whose it is."""
    chosen = await router._choose_replica_for_request(call(number))
    router.on_send_request(chosen.replica_id)
    return chosen.replica_id


def came_back(router, replica_id):
    router.on_request_completed(replica_id, "any")
    router.decrement_queue_len_cache(replica_id)


@pytest.mark.parametrize("replicas", [1, 2, 3, 8])
async def test_calls_are_spread_evenly(router_of, replicas):
    router = router_of([replica(number) for number in range(replicas)])
    sent = Counter([await send(router, number) for number in range(2 * replicas)])
    assert sorted(sent.values()) == [2] * replicas


async def test_the_next_call_goes_where_one_has_come_back(router_of):
    router = router_of([replica(number) for number in range(8)])
    sent = [await send(router, number) for number in range(16)]
    for number, one in enumerate(sent):
        came_back(router, one)
        assert await send(router, 16 + number) == one


async def test_calls_made_at_the_same_time_do_not_meet(router_of, monkeypatch):
    # However busy this machine is, and each choice is later than the one before.
    now = count(1000.0, SENT_SECONDS / 1000)
    monkeypatch.setattr("deployments.least_busy_router.monotonic", lambda: next(now))
    replicas = [replica(number) for number in range(4)]
    router = router_of(replicas)
    for each in replicas:
        router.on_new_queue_len_info(each.replica_id, 0)
    sent = await asyncio.gather(*(send(router, number) for number in range(8)))
    assert sorted(Counter(sent).values()) == [2, 2, 2, 2]


async def test_equals_are_taken_by_chance(router_of, monkeypatch):
    now = 1000.0
    monkeypatch.setattr("deployments.least_busy_router.monotonic", lambda: now)
    replicas = [replica(number) for number in range(4)]
    router = router_of(replicas)
    sent = Counter()
    for number in range(400):
        now += 2 * SENT_SECONDS
        for each in replicas:
            router.on_new_queue_len_info(each.replica_id, 0)
        sent[one := await send(router, number)] += 1
        came_back(router, one)
    assert len(sent) == 4
    assert all(50 < each < 150 for each in sent.values())


async def test_a_full_replica_is_passed_over_though_it_has_the_fewest(router_of):
    full, free = replica("full", full=True), replica("free")
    router = router_of([full, free])
    router.on_new_queue_len_info(full.replica_id, full.max_ongoing_requests)
    router.on_new_queue_len_info(free.replica_id, 0)
    for number in range(4):
        assert await send(router, number) == free.replica_id


async def test_what_other_callers_have_there_decides_between_equals(router_of):
    busy, idle = replica("busy"), replica("idle")
    router = router_of([busy, idle])
    router.on_new_queue_len_info(busy.replica_id, 5)
    router.on_new_queue_len_info(idle.replica_id, 1)
    assert await send(router, 0) == idle.replica_id


async def test_ray_is_offered_few_of_many_replicas_and_waits_where_none_takes_a_call(router_of):
    router = router_of([])
    replicas = [replica(number) for number in range(3 * LOOKED_AT)]
    for each in replicas[: 2 * LOOKED_AT]:
        router.on_send_request(each.replica_id)
    pending = call(0)
    first, then = await router.choose_replicas(replicas, pending)
    assert (len(first), len(then)) == (OFFERED, OFFERED)
    assert pending.routing_context.should_backoff
    assert {router._calls_out[each.replica_id] for each in first} == {0}


async def test_without_replicas_there_is_nothing_to_choose(router_of):
    assert await router_of([]).choose_replicas([]) == []


async def test_nothing_stays_of_a_replica_that_has_gone(router_of):
    router = router_of([replica(number) for number in range(2)])
    sent = [await send(router, number) for number in range(4)]
    for each in [*sent, *sent]:
        router.on_request_completed(each, "any")
    router.update_replicas([])
    assert (router._calls_out, router._chosen_at) == ({}, {})
