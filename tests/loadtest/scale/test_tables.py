"""Tables of growth and hops, and what they read."""

import json

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from loadtest import commands
from loadtest.configs import read_config
from loadtest.errors import BenchmarkError
from loadtest.loads import Load, together
from loadtest.open_loop import Timed
from loadtest.options import Stage
from loadtest.payloads import Payload
from loadtest.scale import hops, nodes, references, replicas
from loadtest.scale.cluster import RunningCluster, facts_of, own_ports, shared_variables
from loadtest.scale.commands import COMMANDS, numbers
from loadtest.scale.stages import by_kind, fixed, product_config, waiting_config
from loadtest.wrk import WrkResult

ROLES = {"HAProxy": 0.2, "replica ingress": 0.5, "replica waiting-1": 0.1, "Serve controller": 0.1, "wrk": 9.0}


def load(rate=100, p50=2.0, p99=5.0, roles=None, errors=0):
    result = WrkResult(int(rate * 10), 10.0, p50, p50, p99, p99, errors, 0)
    return Load(result, ROLES if roles is None else roles)


def row(table, number):
    return dict(zip(table.columns, table.rows[number], strict=True))


def test_processor_time_is_told_by_what_processes_are_for():
    found = by_kind({"HAProxy": 1.0, "replica ingress": 2.0, "replica faq-1": 3.0, "Ray raylet": 4.0})
    assert found == {"HAProxy": 1.0, "ingress": 2.0, "models": 3.0, "Ray": 4.0}
    assert by_kind({"replica one": 2.0, "replica two-model": 1.0}, ("one", "two"))["ingress"] == 2.0
    assert by_kind({"replica faq-1 (starting)": 1.0})["models"] == 1.0


@given(st.dictionaries(st.sampled_from([*ROLES, "java", "replica x-1"]), st.floats(0, 1e6)))
def test_no_processor_time_is_lost(roles):
    assert sum(by_kind(roles).values()) == pytest.approx(sum(roles.values()))


def test_runs_at_the_same_time_add_up_and_show_the_slowest():
    one, two = load(100, p50=2, p99=5).result, load(50, p50=3, p99=4, errors=1).result
    both = together([one, two])
    assert (both.requests, both.p50_ms, both.p99_ms, both.errors) == (1500, 3, 5, 1)
    assert both.requests_per_second == pytest.approx(149.9)
    assert together([one]) is one


def test_growth_is_shown_beside_the_fewest_replicas_of_the_same_stage():
    points = [
        replicas.Growth(Stage.WAITING, 1, 256, [load(100), load(80)]),
        replicas.Growth(Stage.WAITING, 8, 256, [load(700), load(640)]),
        replicas.Growth(Stage.FAQ, 1, 64, [load(2000), load(2000)]),
    ]
    table = replicas.report(points, cores=2, waits=[10.0])
    eight, faq = row(table, 1), row(table, 2)
    assert eight["Times the first"] == "7.50 (7.00-8.00)"
    assert (eight["Requests/s"], eight["Cores busy"]) == ("670 (640-700)", "0.1")
    assert faq["Times the first"] == "1.00"
    assert (row(table, 0)["ingress"], row(table, 0)["models"]) == ("0.56", "0.11")
    assert "2 cores" in table.notes[1]
    assert "100 requests/s" in table.notes[2]
    assert json.loads(table.json())["points"][1]["replicas"] == 8


def test_a_run_without_answers_has_no_processor_time_for_each():
    assert replicas.cpu_cells([load(0)]) == ["-"] * 5


def path(name, p50, cpu, ingress=("ingress",)):
    roles = {"replica ingress": cpu, "wrk": 1.0}
    alone = [load(1000 / (p50 + 0.1), p50=p50, p99=2 * p50)] * 2
    return hops.Path(name, None, "", ingress, alone, [load(1000, p50=9, p99=20, roles=roles)] * 2)


def test_hops_show_what_they_add():
    table = hops.report([path("plain", 1.0, 1.0), path("proxy", 1.5, 3.0), path("call", 3.5, 8.0)])
    assert [cells[3:5] for cells in table.rows] == [["", ""], ["0.50", "1.00"], ["2.00", "4.00"]]
    added = table.columns.index("added CPU ms")
    assert [cells[added] for cells in table.rows] == ["", "0.20", "0.50"]
    assert table.data["paths"][1]["mean_ms"] == pytest.approx(1.6, abs=0.01)


def test_the_published_router_stands_beside_ours():
    table = hops.router_report(path(hops.PLAIN, 1.0, 1.0), path(hops.PATH, 3.0, 3.0))
    assert table.rows[0] == [hops.PUBLISHED, "5,000", "3", "15", "not named"]
    assert table.rows[1][1:4] == ["1,000", "2.00", "4.00"]


def test_nodes_say_what_lies_where():
    cluster = RunningCluster(2, None, {0: "a", 1: "b"}, {"waiting-1": [0, 1, 1], "late": [1]}, {})
    assert cluster.placement("waiting-1") == "1 + 2"
    assert cluster.placement("late") == "0 + 1"
    assert cluster.placement("nothing") == "none"
    what = nodes.What(Stage.WAITING, {}, [], 10.0, 2, 32)
    points = [
        nodes.NodesPoint(1, "first", "2", "1", 1, [load(200)]),
        nodes.NodesPoint(2, "every", "2 + 2", "1 + 1", 2, [load(390)]),
    ]
    assert row(nodes.report(points, what), 1)["Times the first"] == "1.95"
    crossing = nodes.Crossing(nodes.crossing_name(1, 0), [load()], [load(errors=2)])
    table = nodes.crossing_report([crossing])
    assert table.rows[0][0] == "door on the other node, model on the same node"
    assert table.rows[0][-1] == "2"


def test_references_stand_above_what_was_measured_here():
    rounds = [[Timed(10 + n / 10, 10 + n / 10 + 0.2, 200 if n else 500) for n in range(100)]]
    table = references.report([references.Rerun(Stage.FAQ, "182 originals", rounds)])
    assert table.rows[0][:2] == ["faq, published", "11.6 to 14.1"]
    assert row(table, 1)["Failed"] == "1 of 100"
    assert float(row(table, 1)["Requests/s"]) == pytest.approx(99 / 10.1, abs=0.1)
    assert row(table, 1)["p50 ms"] == "200.0"


def test_the_models_keep_what_their_configs_say():
    config, deployment = product_config(read_config(None), Stage.FAQ, fixed(4))
    version = config["applications"][0]["args"]["models"][0]["versions"][0]
    assert deployment == "faq-1"
    assert version["scaling"]["max_concurrent_requests"] == 64
    assert version["scaling"]["min_replicas"] == version["scaling"]["max_replicas"] == 4
    own = read_config(None)
    own["applications"][0]["args"]["models"] = [
        {"kind": "image_classifier", "versions": [{"scaling": {"max_concurrent_requests": 3, "cpus": 1}}]}
    ]
    config, _ = product_config(own, Stage.IMAGE, fixed(2))
    version = config["applications"][0]["args"]["models"][0]["versions"][0]
    assert (version["scaling"]["max_concurrent_requests"], version["scaling"]["cpus"]) == (3, 1)
    assert version["preprocess_scaling"]["max_queued_requests"] > 1000
    assert waiting_config(5, fixed(2))["applications"][1]["args"]["scaling"]["min_replicas"] == 2


def test_a_clusters_ports_are_not_those_of_another_service():
    environment = {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_STATS_PORT": "1",
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": "2",
        "RAY_AUTH_TOKEN": "secret",
        "PATH": "/bin",
    }
    assert shared_variables(environment) == {"RAY_SERVE_ENABLE_HA_PROXY": "1"}


def test_what_stands_beside_a_nodes_proxy_has_ports_of_its_own():
    assert len(set(own_ports([20_000]).values())) == 4


def test_a_cluster_tells_its_facts_or_that_it_has_none():
    assert facts_of(["Starting", 'Facts: {"replicas": {"one": [0]}}'])["replicas"] == {"one": [0]}
    with pytest.raises(BenchmarkError, match="does not tell"):
        facts_of(["Starting"])


@given(st.lists(st.integers(1, 10_000), min_size=1))
def test_numbers_are_read_as_they_are_written(values):
    assert numbers(",".join(map(str, values))) == values


@pytest.mark.parametrize("text", ["", "1,", "0", "a", "1,-2", "1 2"])
def test_what_are_no_numbers_is_refused(text):
    with pytest.raises(typer.BadParameter):
        numbers(text)


def test_every_command_explains_itself():
    for command in COMMANDS:
        ran = CliRunner().invoke(commands.app, [command.__name__, "--help"])
        assert ran.exit_code == 0, ran.output
    assert CliRunner().invoke(commands.app, ["nodes", "--stage", "image"]).exit_code == 2
    assert CliRunner().invoke(commands.app, ["replicas", "--counts", "x"]).exit_code == 2


def test_as_many_requests_are_sent_as_are_asked_for(answering):
    from loadtest.open_loop import Requests, _run_counted

    sent = _run_counted(Requests(answering, (Payload(b"{}", "application/json"),)), 4, 30)
    assert [each.status for each in sent] == [200] * 30
