"""Requests through a simulated cluster."""

import dataclasses

import pytest

from loadtest.sizing.simulation.data_plane import simulate_clients, simulate_rate
from loadtest.sizing.simulation.paper import request_utilization
from loadtest.sizing.simulation.parameters import WORKLOADS, Cluster, Workload

# What coalescing was measured with: two cores for HAProxy, ingress, one replica, and the load itself.
MACHINE = Cluster(nodes=1, cores=2, replicas=1, ingress=1, network=0.0)
CLIENT_SECONDS = 0.00015
SCIKIT_LEARN = WORKLOADS["faq-scikit-learn"]

# Requests per second at 1, 16 and 64 clients, as docs/scale-model.md has them.
ONE_CALL_PER_REQUEST = {1: 237, 16: 412, 64: 386}
COALESCED_ONE_CALL = {1: 244, 16: 1078, 64: 1915}
COALESCED_TWO_CALLS = {1: 244, 16: 1257, 64: 2353}

ALONE = dataclasses.replace(SCIKIT_LEARN, max_items=1), dataclasses.replace(MACHINE, calls_per_replica=1000)


def throughputs(workload, cluster):
    return {
        clients: simulate_clients(
            workload, cluster, clients=clients, requests=4000, client_seconds=CLIENT_SECONDS
        ).throughput
        for clients in (1, 16, 64)
    }


@pytest.mark.parametrize(
    ("workload", "cluster", "measured"),
    [
        (*ALONE, ONE_CALL_PER_REQUEST),
        (SCIKIT_LEARN, dataclasses.replace(MACHINE, calls_per_replica=1), COALESCED_ONE_CALL),
        (SCIKIT_LEARN, MACHINE, COALESCED_TWO_CALLS),
    ],
    ids=["one call per request", "one call out", "two calls out"],
)
def test_throughput_grows_with_clients_as_it_was_measured(workload, cluster, measured):
    found = throughputs(workload, cluster)
    for clients, requests in measured.items():
        assert found[clients] == pytest.approx(requests, rel=0.3), clients
    for clients in (16, 64):
        assert found[clients] / found[1] == pytest.approx(measured[clients] / measured[1], rel=0.25), clients


def test_coalescing_answers_several_times_as_many():
    alone, together = throughputs(*ALONE), throughputs(SCIKIT_LEARN, MACHINE)
    assert together[1] == pytest.approx(alone[1], rel=0.01)
    assert together[64] > 4 * alone[64]


CLUSTER = Cluster(nodes=10, cores=8, replicas=40, ingress=20)


def test_components_are_as_busy_as_on_paper_with_the_batches_that_formed():
    found = simulate_rate(SCIKIT_LEARN, CLUSTER, rate=4000, requests=12_000)
    paper = request_utilization(SCIKIT_LEARN, CLUSTER, 4000, found.batch)
    for name, share in found.utilization.items():
        assert share == pytest.approx(paper[name], rel=0.06), name
    assert found.throughput == pytest.approx(4000, rel=0.05)
    assert found.refused == 0
    assert found.requests == len(found.latencies) == 9600


def test_a_lone_request_takes_what_its_steps_take():
    found = simulate_rate(SCIKIT_LEARN, CLUSTER, rate=1, requests=1000)
    work = SCIKIT_LEARN.haproxy + SCIKIT_LEARN.ingress + SCIKIT_LEARN.caller + SCIKIT_LEARN.served(1)
    # To the ingress, to the replica, and back; what the router knows of a replica is too old at such a rate.
    assert 0.5 < found.asked < 1
    assert found.latencies[0] == pytest.approx(work + 4 * CLUSTER.network, rel=0.001)
    assert found.percentile(0.5) == pytest.approx(work + 4 * CLUSTER.network + CLUSTER.probe, rel=0.001)
    assert found.batch == pytest.approx(1, abs=0.01)


def test_the_same_seed_gives_the_same():
    first, again = (simulate_rate(SCIKIT_LEARN, CLUSTER, rate=4000, requests=2000, seed=7) for _ in range(2))
    other = simulate_rate(SCIKIT_LEARN, CLUSTER, rate=4000, requests=2000, seed=8)
    assert first == again
    assert first.latencies != other.latencies


def test_a_stage_before_the_model_takes_its_share():
    cluster = Cluster(nodes=4, cores=16, replicas=32, ingress=2, preprocess=4)
    image = WORKLOADS["image"]
    found = simulate_rate(image, cluster, rate=150, requests=3000)
    paper = request_utilization(image, cluster, 150, found.batch)
    for name in ("model replicas", "decoders", "nodes' cores"):
        assert found.utilization[name] == pytest.approx(paper[name], rel=0.1), name
    least = image.haproxy + image.ingress + 2 * image.caller + image.callee + image.preprocess + image.served(1)
    assert found.latencies[0] > least
    assert found.percentile(0.5) < 4 * least


def test_what_is_beyond_capacity_waits_and_is_then_refused():
    slow = Workload(haproxy=0.0001, ingress=0.0001, caller=0.0001, callee=0.0001, batch=0.0, item=0.1, max_items=1)
    found = simulate_rate(slow, Cluster(nodes=1, cores=4, replicas=2, ingress=1), rate=200, requests=2000)
    assert found.utilization["model replicas"] == pytest.approx(1, abs=0.01)
    assert found.throughput == pytest.approx(2 / 0.1001, rel=0.05)
    assert found.refused > 1000
