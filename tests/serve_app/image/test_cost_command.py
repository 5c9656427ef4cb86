import json

import pytest
import torch
import torchvision
from typer.testing import CliRunner

from deployments.image_classifier.conversion.cache import converted
from deployments.image_classifier.engines import machine
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.source import find_source
from serve_app.image.commands import app

PRICES = {"--price-cpu": 0.4, "--price-gpu": 3}
GIVEN = {"--cpu-images-per-second": 20, "--cpu-cores": 8, "--gpu-images-per-second": 500}


@pytest.fixture(autouse=True)
def wide(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(machine, "may_have_gpu", lambda: False)


def run(**options):
    words = [str(word) for pair in options.items() for word in pair]
    return CliRunner().invoke(app, ["cost", *words], catch_exceptions=False)


def refusal(result):
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def rows_of(result):
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    return {row[0]: row[1:] for row in rows}


def test_given_figures_become_costs():
    result = run(**PRICES, **GIVEN, **{"--utilization": 0.5, "--currency": "USD"})
    assert result.exit_code == 0, result.stderr
    assert rows_of(result) == {
        "Images/s at full load": ["20.0", "500.0"],
        "": ["given", "given"],
        "USD an hour": ["0.40", "3.00"],
        "Images for one USD": ["90,000", "300,000"],
        "USD for a million images": ["11.11", "3.33"],
    }
    assert "One GPU equals 200.0 cores, or 25.0 such machines. It is cheaper below 10.00 USD an hour" in result.stdout
    assert "at 3.00 it is.\n" in result.stdout
    assert "have work for 50% of it" in result.stdout


def test_a_gpu_that_costs_too_much_is_said():
    assert "at 10.10 it is not.\n" in run(**PRICES | {"--price-gpu": 10.1}, **GIVEN).stdout


def test_the_cpu_is_measured_with_the_engine_that_auto_takes(tmp_path):
    weights, file = tmp_path / "w.pth", tmp_path / "cost.json"
    torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), weights)
    options = {"--architecture": "squeezenet1_1", "--weights-uri": weights, "--json": file}
    result = run(**PRICES, **options, **{"--gpu-images-per-second": 5000})
    assert result.exit_code == 0, result.stderr
    assert "Measuring OpenVINO, since it is the fastest" in result.stderr
    figures = json.loads(file.read_text())
    assert figures["model"] == "squeezenet1_1"
    assert (figures["cpu"]["full_load"]["measured"], figures["gpu"]["full_load"]["measured"]) == (True, False)
    measured = figures["cpu"]["full_load"]["images_per_second"]
    assert measured > 0
    assert figures["cpu"]["cost"]["images_per_second"] == pytest.approx(0.7 * measured)
    assert figures["one_gpu_equals"]["cpu_cores"] == pytest.approx(5000 / measured * figures["cpu"]["cores"])
    assert rows_of(result)[""][0].startswith("measured: openvino ")
    assert rows_of(result)[""][1] == "given"


def test_a_converted_model_is_compared_with_its_own_architecture(tmp_path):
    settings = ImageClassifierSettings(architecture="squeezenet1_1", weights="DEFAULT", download=False)
    with converted(find_source(settings, allow_untrained=True), "openvino") as model:
        options = {"--model-dir": model.directory, "--gpu-images-per-second": 5000}
        assert "holds squeezenet1_1: compare it with itself, by --architecture squeezenet1_1." in refusal(
            run(**PRICES, **options)
        )
        result = run(**PRICES, **options, **{"--architecture": "squeezenet1_1"})
    assert result.exit_code == 0, result.stderr
    assert "since the model is converted for it" in result.stderr


def test_where_there_is_neither_a_gpu_nor_a_figure_nothing_is_measured():
    message = refusal(run(**PRICES))
    assert message.startswith("This machine has no GPU to measure: give what one classifies")
    assert "--gpu-images-per-second" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"--price-cpu": 0}, "--price-cpu must be above 0, not 0."),
        ({"--price-gpu": "nan"}, "--price-gpu must be above 0, not nan."),
        ({"--utilization": 1.5}, "--utilization must be at most 1, not 1.5: a share, as in 0.7."),
        ({"--utilization": -1}, "--utilization must be above 0, not -1."),
        ({"--gpu-images-per-second": "inf"}, "--gpu-images-per-second must be above 0, not inf."),
        ({"--cpu-cores": 0}, "--cpu-cores must be above 0, not 0."),
        ({"--json": "no/such/directory/cost.json"}, "cannot be written: name a file in a directory that exists."),
    ],
)
def test_wrong_options_are_named(options, message):
    assert message in refusal(run(**{**PRICES, **GIVEN, **options}))


@pytest.mark.parametrize("option", ["--cpu-images-per-second", "--cpu-cores"])
def test_a_cpu_figure_needs_its_cores(option):
    given = {name: figure for name, figure in GIVEN.items() if name != option}
    assert "--cpu-images-per-second and --cpu-cores go together" in refusal(run(**PRICES, **given))
