"""`scoring size` as a user types it."""

import json

import pytest
from typer.testing import CliRunner

from loadtest.sizing.commands import app

POINTS = [(200, 9, 0.4), (900, 20, 1.0), (1800, 41, 1.9), (2400, 900, 2.0)]


def size(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture
def measured(tmp_path):
    def measured(name="faq.json", *, model="faq", points=POINTS, capacity=1800, seconds=0.002, cores=2):
        path = tmp_path / name
        rates = [
            {"rate": rate, "sent": 100, "p50_ms": 1, "p99_ms": p99, "errors": 0, "valid": True, "cpu_cores": cpu}
            for rate, p99, cpu in points
        ]
        found = {
            "model": model, "url": "http://h", "p99_target_ms": 50, "replicas": 1, "cores": cores, "points": rates,
            "capacity_per_s": capacity, "seconds_per_request": seconds,
        }  # fmt: skip
        path.write_text(json.dumps(found), encoding="utf-8")
        return path

    return measured


def figures(path):
    found = json.loads(path.read_text(encoding="utf-8"))
    return found["Replicas by the formula and by the measured curve"], found["Nodes and money"]


def test_formula_and_curve_stand_side_by_side(measured, tmp_path):
    out = tmp_path / "size.json"
    result = size("--rate", 5000, "--model", f"faq={measured()}", "--json", out)
    assert result.exit_code == 0, result.output
    replicas, money = figures(out)
    assert replicas["formula"][0]["replicas"] == 15  # 5000 x 0.002 / 0.7 = 14.3
    assert replicas["curve"][0]["replicas"] == 3  # 5000 / 1800 = 2.8
    # Beside one core of the model 0.9 cores were busy at 1800/s: 5000 x 0.5 ms / 0.7 = 3.6.
    assert replicas["curve"][0]["ingress"] == 4
    assert "requests that wait leave together" in result.output
    assert "Prices: Azure Kubernetes Service, East US, November 2026, USD" in result.output
    assert money["measured curve"]["per_month"] < money["formula"]["per_month"]
    nodes = sum(money["formula"]["nodes"].values())
    assert money["formula"]["per_month"] == pytest.approx(nodes * 0.452 * 730)
    assert money["formula"]["per_million"] == pytest.approx(nodes * 0.452 / 3600 / 5000 * 1e6)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"seconds": 0.0003}, "2 cores were 95% busy, since HTTP and the other stages share them"),
        ({"seconds": 0.0003, "points": [(1800, 41, 0.5), (2400, 90, 0.6)]}, "cores are only 25% busy"),
        ({"seconds": 0.00055}, "p99 still holds above a utilization of 70%"),
        ({"seconds": 0.7 / 1800}, "formula and curve agree"),
    ],
)
def test_it_says_why_they_differ(measured, changes, why):
    result = size("--rate", 100, "--model", f"faq={measured(**changes)}")
    assert result.exit_code == 0, result.output
    assert why in result.output


def test_without_a_measurement_the_formula_alone_answers_and_says_what_is_missing(tmp_path):
    out = tmp_path / "size.json"
    result = size("--seconds-per-request", "image=0.11", "--rate", 100, "--preprocess-seconds", "image=0.006",
                  "--json", out)  # fmt: skip
    assert result.exit_code == 0, result.output
    replicas, money = figures(out)
    assert replicas["curve"] is None
    assert replicas["formula"][0] == {
        "replicas": 16, "per_replica": pytest.approx(6.3636, rel=1e-4), "ingress": 1, "preprocess": 1,
        "ingress_is_measured": False,
    }  # fmt: skip
    assert list(money) == ["formula"]
    assert "what a replica answers within p99 is missing" in result.output


def test_growth_spare_replicas_and_spare_nodes_cost(tmp_path):
    def per_month(*more):
        out = tmp_path / "size.json"
        assert size("--seconds-per-request", "faq=0.01", "--rate", 2000, "--json", out, *more).exit_code == 0
        return figures(out)[1]["formula"]["per_month"]

    plain = per_month()
    assert per_month("--growth", 0.5, "--scale-up-seconds", 120) > 1.5 * plain
    assert per_month("--spare-replicas", 20) > plain
    assert per_month("--spare-nodes", 1) > plain


def test_replicas_with_gpus_are_on_gpu_nodes(tmp_path):
    out = tmp_path / "size.json"
    assert size("--seconds-per-request", "image=0.005", "--rate", 400, "--gpu", "image", "--json", out).exit_code == 0
    plan = figures(out)[1]["formula"]
    assert plan["gpus"] == 3
    assert plan["nodes"] == {"Standard_D8ds_v5": 1, "Standard_NC4as_T4_v3": 3}


def test_how_many_cpus_equal_a_gpu(measured, tmp_path):
    out = tmp_path / "gpu.json"
    cpu = measured("cpu.json", points=[(16, 40, 2.0)], capacity=16)
    gpu = measured("gpu.json", points=[(400, 40, 2.0)], capacity=400)
    result = size("gpu", "--cpu", cpu, "--gpu", gpu, "--json", out)
    assert result.exit_code == 0, result.output
    found = json.loads(out.read_text())["CPU or GPU: faq"]
    assert found["cores"] == 50
    assert found["gpu_per_million"] == pytest.approx(0.526 / (400 * 0.7 * 3600) * 1e6)
    assert found["gpu_per_million"] < found["cpu_per_million"]
    assert "One GPU does what 50.0 cores do. Both busy, the GPU is cheaper." in result.output
    # At that rate the cores that it takes cost what the GPU does.
    assert found["least_rate"] / (8 * 0.7) * found["price_limit"] / 50 == pytest.approx(0.526, rel=1e-6)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Name a model"),
        (["--seconds-per-request", "faq=0.1"], "How many requests/s faq gets is missing"),
        (["--rate", "faq=5"], "How long faq takes for a request is not known"),
        (["--rate", "faq=fast"], "--rate faq=fast is not NAME=NUMBER with a number above 0"),
        (["--rate", "5", "--model", "faq=/nowhere.json"], "/nowhere.json does not exist"),
        (["--rate", "faq=5", "--seconds-per-request", "1", "--gpu", "image"], "--gpu image names no model"),
        (["--rate", "faq=5", "--seconds-per-request", "1", "--cpu", "9"], "larger than what a node has left"),
        (["--rate", "faq=5", "--seconds-per-request", "1", "--cpu-node", "Huge"], "There is no node type Huge"),
        (["--rate", "faq=5", "--seconds-per-request", "1", "--requests-per-replica", "1.5"], "must be a whole number"),
        (["simulate", "--rate", "5", "--workload", "tea"], "There is no workload tea"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(arguments, sentence):
    result = size(*arguments)
    assert result.exit_code == 1
    assert sentence in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_file_of_another_model_is_refused(measured):
    result = size("--rate", 5, "--model", f"image={measured()}")
    assert (result.exit_code, "was measured for faq, not image" in result.output) == (1, True)
