"""Ray Serve's controller, simulated and on paper."""

import dataclasses

import pytest
from typer.testing import CliRunner

from loadtest.sizing.commands import app
from loadtest.sizing.simulation.control_plane import simulate_control
from loadtest.sizing.simulation.paper import controller_utilization, on_paper, start, turn_seconds
from loadtest.sizing.simulation.parameters import WORKLOADS, Cluster, Control

CONTROL = Control()


def cluster(nodes, replicas):
    return Cluster(nodes=nodes, cores=16, replicas=replicas, ingress=nodes, preprocess=nodes)


@pytest.mark.parametrize(("nodes", "replicas"), [(1, 10), (10, 100), (100, 400), (100, 1000)])
def test_it_is_as_busy_as_on_paper(nodes, replicas):
    found = simulate_control(cluster(nodes, replicas), CONTROL, stages=1, seconds=20)
    paper = controller_utilization(cluster(nodes, replicas), CONTROL, stages=1)
    assert found.utilization == pytest.approx(paper, rel=0.08)
    assert found.turn >= CONTROL.interval


def test_a_turn_takes_what_ray_published_for_8192_replicas():
    # 921 ms of 8,192 replicas on 211 nodes, with every replica looked at in every turn, which was the rule then;
    # health checks, of which it says nothing, aside.
    then = dataclasses.replace(CONTROL, health_period=0.2, sweep=1.0, health=0.0)
    size = Cluster(nodes=211, cores=8, replicas=8192, ingress=0)
    assert turn_seconds(size, then, 0.2, stages=1) == pytest.approx(0.921, rel=0.05)


def test_more_replicas_than_it_can_look_after_fill_it():
    size = cluster(100, 4000)
    assert controller_utilization(size, CONTROL, stages=1) > 1
    found = simulate_control(size, CONTROL, stages=1, seconds=5)
    assert found.utilization > 0.9
    assert found.delay(0.5) > 0.1


def test_fewer_reports_and_checks_relieve_it():
    rarer = dataclasses.replace(CONTROL, report_period=10, health_period=10)
    half = controller_utilization(cluster(100, 1000), CONTROL, stages=1) / 2
    assert controller_utilization(cluster(100, 1000), rarer, stages=1) < half


def test_to_tell_everybody_of_changes_takes_most_of_its_time():
    size = cluster(100, 1000)
    quiet = simulate_control(size, CONTROL, stages=1, seconds=10)
    changing = simulate_control(size, CONTROL, stages=1, seconds=10, changing=True)
    assert changing.turn > 2 * quiet.turn
    assert changing.delay(0.99) > quiet.delay(0.99)


def test_starting_everything_grows_with_handles_times_replicas():
    few, many = (start(cluster(nodes, 10 * nodes), CONTROL, stages=1) for nodes in (10, 100))
    assert many.actors == pytest.approx(10 * few.actors)
    assert many.lookups == pytest.approx(100 * few.lookups)
    assert many.broadcasts > 100 * few.broadcasts


def test_on_paper_the_first_bottleneck_of_faq_is_the_ingress_and_of_images_the_replicas():
    for name, first in (("faq", "ingress"), ("image", "model replicas")):
        found = on_paper(WORKLOADS[name], cluster(100, 1000), CONTROL, rate=1000)
        assert min(found.most, key=found.most.get) == first
        assert found.batch == 1


def test_calls_get_as_full_as_relieves_what_is_full():
    size = cluster(10, 100)
    costs = WORKLOADS["faq-scikit-learn"]
    found = on_paper(costs, size, CONTROL, rate=15_000)
    assert 1 < found.batch < costs.max_items
    assert found.utilization["ingress"] == pytest.approx(1)
    assert on_paper(costs, size, CONTROL, rate=1e6).batch == costs.max_items
    assert on_paper(costs, size, CONTROL, rate=1e6).bottleneck == "ingress"


def test_the_command_prints_components_latency_and_the_first_bottleneck(tmp_path):
    out = tmp_path / "cluster.json"
    words = "simulate --nodes 4 --replicas 20 --rate 2000 --requests 3000 --workload faq-scikit-learn --json"
    result = CliRunner().invoke(app, [*words.split(), str(out)])
    assert result.exit_code == 0, result.output
    assert "First bottleneck: ingress" in result.output
    assert "2,400 requests counted" in result.output
    assert out.is_file()


def test_the_command_reckons_clusters_on_paper():
    result = CliRunner().invoke(app, ["paper", "--workload", "image", "--markdown"])
    assert result.exit_code == 0, result.output
    assert "| 100 x 16 cores | 1,000 | 100 | 9,072 | model replicas |" in result.output
