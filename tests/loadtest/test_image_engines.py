"""The benchmark of engines: its table, and one run of it."""

import json
from contextlib import contextmanager

import pytest
import torch
import torchvision
from typer.testing import CliRunner

from loadtest import commands, image_engines
from loadtest.errors import BenchmarkError
from loadtest.image_engine_figures import Measured, Start, report
from loadtest.image_engines import network_files, photos_in
from loadtest.image_variants import REFERENCE, Network


def measured(name, p50_ms, rates, *, first=20.0, quantization=None):
    """One engine: p50 of each round, and images per second of each round by batch size."""
    start = Start(first, [4.0, 6.0], 800.4, {"threads": 2, "device": "cpu"}, quantization)
    rounds = {
        size: [{"p50_ms": p50 * size, "images_per_second": rate} for p50, rate in zip(p50_ms, found, strict=True)]
        for size, found in rates.items()
    }
    return Measured(name, start, rounds, {"peak_mib": 1500.0, "resident_mib": 900.0})


SLOW = measured(REFERENCE.name, [100.0, 200.0, 110.0], {1: [10.0, 5.0, 9.0], 8: [12.0, 6.0, 11.0]})
FAST = measured(
    "OpenVINO int8", [20.0, 50.0, 20.0], {1: [50.0, 20.0, 50.0], 8: [60.0, 24.0, 66.0]}, first=None, quantization=30.2
)


def test_each_engine_has_a_row_with_ratios_of_the_same_round():
    table = report([SLOW, FAST], {"Keras fp32": "It is not there."}, Network("resnet152", None), photos=100)
    assert table.rows[0] == [
        REFERENCE.name, "20.0", "5.0 (4.0-6.0)", "110.0 (100.0-200.0)", "11.0 (6.0-12.0)", "8", "1.00", "1.00",
        "800", "1,500", "900",
    ]  # fmt: skip
    assert table.rows[1][1:8] == [
        "-", "5.0 (4.0-6.0)", "20.0 (20.0-50.0)", "60.0 (24.0-66.0)", "8", "5.00 (4.00-5.50)", "5.00 (4.00-6.00)",
    ]  # fmt: skip
    assert "OpenVINO int8: quantized beforehand in 30 s, with 100 photos." in table.notes
    assert "Keras fp32 is left out. It is not there." in table.notes
    assert table.data["engines"][1]["rounds"][8][2]["images_per_second"] == 66.0
    json.dumps(table.data)


def test_without_the_reference_there_are_no_ratios():
    table = report([FAST], {}, Network("resnet152", None, untrained=True))
    assert table.rows[0][6:8] == ["-", "-"]
    assert "random weights" in table.notes[0]
    assert "with noise" in table.notes[1]


def test_the_best_batch_is_the_smallest_of_equals():
    assert measured("A", [1.0], {8: [5.0], 1: [5.0], 32: [4.0]}).best_size() == 1
    assert measured("A", [1.0, 1.0, 1.0], {1: [9.0, 2.0, 2.0], 8: [3.0, 3.0, 3.0]}).best_size() == 8


@pytest.fixture
def data(tmp_path):
    """A data folder with the weights of a small network."""
    torch.manual_seed(0)
    (tmp_path / "weights").mkdir()
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), tmp_path / "weights" / "squeezenet1_1.pth")
    return tmp_path


def test_weights_of_the_data_are_taken(data):
    network = network_files("squeezenet1_1", data, data)
    assert network.weights_uri == str(data / "weights" / "squeezenet1_1.pth")
    assert network.untrained is False


def test_photos_are_found_by_their_names(tmp_path):
    folder = tmp_path / "images" / "imagenet"
    folder.mkdir(parents=True)
    for name in ("b.JPEG", "a.png", "list.csv"):
        (folder / name).touch()
    assert [path.name for path in photos_in(tmp_path)] == ["a.png", "b.JPEG"]
    assert photos_in(None) == []


class FakeProgram:
    """Counts up instead of measuring; what the engine cannot do is an error."""

    start_seconds = 2.5

    def __init__(self, model):
        self.model = model
        self.facts = {"engine": model["engine"], "threads": 2, "device": "cpu"}

    def ask(self, **request):
        if request["do"] == "memory":
            return {"resident_mib": 100.0, "peak_mib": 200.0}
        if request["size"] == 4 and self.model["engine"] == "onnxruntime":
            raise BenchmarkError("Out of memory.")
        return {"p50_ms": 10.0 * request["size"], "images_per_second": 100.0 + request["size"], "count": 1}


@pytest.fixture
def started(monkeypatch):
    """What programs would have been started: settings and cache. Keras cannot run."""
    found = []

    @contextmanager
    def program(module, *arguments, environment):
        model = json.loads(arguments[1])["model"]
        found.append((model, environment["SCORING_CACHE"]))
        yield FakeProgram(model)

    monkeypatch.setattr(image_engines, "program", program)
    return found


def test_engines_that_fail_are_left_out_and_the_others_measured(started, data):
    table = image_engines.measure(
        "squeezenet1_1",
        device="cpu",
        batches=[4, 2],
        data=data,
        only=["fp32"],
        seconds=0.1,
        rounds=3,
        starts=2,
    )
    engines = {engine["name"]: engine for engine in table.data["engines"]}
    assert list(engines) == [REFERENCE.name, "PyTorch fp32", "OpenVINO fp32"]
    for engine in engines.values():
        assert {size: len(rounds) for size, rounds in engine["rounds"].items()} == {1: 3, 2: 3, 4: 3}
        assert (engine["start"]["first"], engine["start"]["seconds"]) == (2.5, [2.5, 2.5])
    assert table.data["left_out"] == {
        "Keras fp32": "Keras has no squeezenet1_1.", "ONNX Runtime fp32": "With a batch of 4: Out of memory.",
    }  # fmt: skip


def test_each_engine_has_a_cache_and_is_measured_with_the_largest_batch(started, data):
    image_engines.measure(
        "squeezenet1_1",
        device="cpu",
        batches=[8],
        data=data,
        only=["openvino fp32"],
        seconds=0.1,
        rounds=1,
        starts=1,
    )
    caches = {(model["engine"], cache) for model, cache in started}
    assert len(caches) == len({cache for _, cache in caches}) == 2
    assert [model.get("max_batch") for model, _ in started if model["engine"] == "openvino"] == [None, None, 8]


def test_no_engine_at_all_is_an_error(monkeypatch, data):
    @contextmanager
    def program(*arguments, **options):
        raise BenchmarkError("There is no network.")
        yield

    monkeypatch.setattr(image_engines, "program", program)
    with pytest.raises(BenchmarkError, match=r"No engine runs squeezenet1_1: There is no network\."):
        image_engines.measure(
            "squeezenet1_1", device="cpu", batches=[], data=data, only=None, seconds=0.1, rounds=1, starts=1
        )


@pytest.mark.integration
def test_measures_a_small_network(data, tmp_path):
    file = tmp_path / "found.json"
    options = ["--network", "squeezenet1_1", "--data", str(data), "--only", "as it comes", "--json", str(file)]
    short = ["--batches", "2", "--starts", "1", "--rounds", "2", "--seconds", "0.1"]
    ran = CliRunner().invoke(commands.app, ["engines", *options, *short])
    assert ran.exit_code == 0, ran.output
    (engine,) = json.loads(file.read_text(encoding="utf-8"))["engines"]
    assert {size: len(rounds) for size, rounds in engine["rounds"].items()} == {"1": 2, "2": 2}
    assert engine["start"]["first"] > 0
    assert 0 < engine["memory"]["resident_mib"] <= engine["memory"]["peak_mib"]


@pytest.mark.parametrize("batches", ["", "0", "1,x", "1,-2", "9999999"])
def test_batch_sizes_are_checked(batches):
    ran = CliRunner().invoke(commands.app, ["engines", "--batches", batches])
    assert ran.exit_code == 1
    assert "--batches takes numbers from 1 to 4096" in ran.output
