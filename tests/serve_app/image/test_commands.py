import subprocess
import sys

import numpy as np
import pytest
import torch
import torchvision
import yaml
from PIL import Image
from typer.testing import CliRunner

from deployments.contracts import PreparedImage
from deployments.image_classifier.classifier import ImageClassifier
from deployments.image_classifier.conversion import comparison
from deployments.image_classifier.conversion.comparison import Tolerance
from deployments.image_classifier.engines.machine import Machine
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.settings import ImageClassifierSettings
from serve_app.image import engines_command
from serve_app.image.commands import app

EVERYTHING = {"torch": "2.9", "openvino": "2026.4", "onnxruntime": "1.31"}


@pytest.fixture(autouse=True)
def wide(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A network of three classes, its labels, photos and their classes."""
    directory = tmp_path_factory.mktemp("files")
    torch.manual_seed(7)
    torch.save(torchvision.models.squeezenet1_1(weights=None, num_classes=3).state_dict(), directory / "w.pth")
    (directory / "labels.txt").write_text("cat\ndog\nbird\n")
    (directory / "photos").mkdir()
    for index, pixels in enumerate(probe(240, 3)):
        Image.fromarray(pixels).save(directory / "photos" / f"{index}.png")
    (directory / "photos" / "notes.txt").write_text("no photo")
    (directory / "classes.csv").write_text("file,class_index\n0.png,0\n1.png,1\nother.png,2\n")
    (directory / "empty").mkdir()
    return directory


@pytest.fixture
def convert(files, tmp_path):
    def run(*arguments, **options):
        given = {
            "--architecture": "squeezenet1_1",
            "--weights": "IMAGENET1K_V1",
            "--weights-uri": files / "w.pth",
            "--labels-uri": files / "labels.txt",
            "--output": tmp_path / "model",
            **{f"--{name}": value for name, value in options.items()},
        }
        words = [str(word) for pair in given.items() for word in pair]
        return CliRunner().invoke(app, ["convert", *words, *arguments], catch_exceptions=False)

    return run


def refusal(result):
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_a_converted_model_is_served_with_the_lines_that_are_shown(convert, files, tmp_path):
    result = convert(photos=files / "photos", labels=files / "classes.csv", precision="fp32")
    assert result.exit_code == 0, result.stderr
    for row in ("Size", "One image", "Same class", "Largest difference", "Accuracy"):
        assert row in result.stdout
    assert "Compared on 3 photos" in result.stdout
    config = yaml.safe_load("models:" + result.stdout.partition("models:")[2])
    settings = ImageClassifierSettings(**config["models"][0]["versions"][0]["model"])
    assert settings.model_dir == str(tmp_path / "model")
    classifier = ImageClassifier.load(settings, allow_untrained=False)
    (classes,) = classifier.score([PreparedImage(probe(224)[0])])
    assert sorted(classes.labels) == ["bird", "cat", "dog"]
    assert classifier.describe().parameters["architecture"] == "squeezenet1_1"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory):
    """A network of Keras with three classes."""
    pytest.importorskip("tensorflow")
    from deployments.image_classifier.keras_networks.library import keras

    pixels = keras.layers.Input((32, 32, 3))
    signals = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(pixels))
    path = tmp_path_factory.mktemp("keras") / "small.keras"
    keras.Model(pixels, keras.layers.Dense(3, activation="softmax")(signals)).save(path)
    return path


@pytest.fixture
def convert_keras(files, tmp_path):
    def run(*arguments):
        words = ["convert", "--output", tmp_path / "model", "--labels-uri", files / "labels.txt", *arguments]
        return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)

    return run


def test_a_network_of_keras_is_converted_and_compared_with_keras(convert_keras, keras_file, files, tmp_path):
    options = ("--normalization", "caffe", "--crop", 32, "--precision", "fp32", "--photos", files / "photos")
    result = convert_keras("--keras", keras_file, *options)
    assert result.exit_code == 0, result.stderr
    assert "Keras fp32" in result.stdout
    assert "Compared on 3 photos" in result.stdout
    settings = ImageClassifierSettings(model_dir=str(tmp_path / "model"))
    description = ImageClassifier.load(settings, allow_untrained=False).describe()
    assert (description.platform, description.preset.channels, description.preset.crop) == ("openvino", "BGR", 32)
    assert description.parameters["source"] == "small.keras"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--keras", "{}"], "keras: must say how the network wants its pixels with normalization"),
        (["--keras", "{}", "--normalization", "tf", "--crop", "48"], "takes 32 x 32 x 3, not images of 48 x 48 x 3"),
        (["--keras", "{}", "--normalization", "tf", "--crop", "32", "--to", "onnx"], "converted for OpenVINO only"),
        (["--keras", "{}", "--weights-uri", "w.h5"], "a file of Keras has its own, so take it out"),
        (["--keras", "{}", "--architecture", "resnet18"], "--architecture is for networks of torchvision: take it out"),
        (["--normalization", "tf"], "--normalization is for networks of Keras: take it out"),
        (["--keras", "ResNet151"], "keras.application must be a network of keras.applications, not 'ResNet151'"),
    ],
)
def test_what_cannot_be_of_keras_is_said_in_one_sentence(convert_keras, keras_file, arguments, message):
    assert message in refusal(convert_keras(*[word.format(keras_file) for word in arguments]))


def test_a_model_is_replaced_only_when_told(convert):
    assert convert().exit_code == 0
    assert "replace it with --overwrite" in refusal(convert())
    assert "Compared on 8 images of noise" in convert("--overwrite").stdout


def test_int8_is_calibrated_and_compared_on_the_users_images(convert, files, tmp_path):
    pytest.importorskip("nncf")
    result = convert("--accept", precision="int8", calibration=files / "photos")
    assert result.exit_code == 0, result.stderr
    assert "openvino int8" in result.stdout
    assert "Compared on 3 calibration images" in result.stdout
    settings = ImageClassifierSettings(model_dir=str(tmp_path / "model"))
    facts = ImageClassifier.load(settings, allow_untrained=False).describe().parameters
    assert (facts["precision"], facts["calibration_images"]) == ("int8", 3)


def test_a_model_that_answers_otherwise_is_kept_only_when_accepted(convert, files, tmp_path, monkeypatch):
    monkeypatch.setitem(comparison.TOLERANCES, "fp32", Tolerance(agreement=1.1, difference=1))
    message = refusal(convert(photos=files / "photos", precision="fp32"))
    assert "most probable class is the same on 100.0% of 3 images, less than 110.0%" in message
    assert "--accept" in message
    assert list(tmp_path.iterdir()) == [] or not (tmp_path / "model").exists()
    assert convert("--accept", photos=files / "photos", precision="fp32").exit_code == 0
    assert (tmp_path / "model").is_dir()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int8"}, "name a directory of some hundred with --calibration"),
        ({"labels": "classes.csv"}, "name their directory with --photos"),
        ({"output": "photos"}, "holds files that are no image model: choose another --output"),
        ({"output": "w.pth"}, "holds files that are no image model"),
        ({"architecture": "squeeze"}, "architecture must be a classification model of torchvision, not 'squeeze'"),
        ({"weights-uri": "none.pth"}, "The weights file none.pth cannot be had: there is no such file"),
        ({"labels-uri": "w.pth"}, "is not UTF-8 text"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(convert, files, options, message):
    paths = {"labels", "output", "weights-uri", "labels-uri"}
    assert message in refusal(convert(**{n: files / v if n in paths else v for n, v in options.items()}))


def test_photos_that_cannot_be_used_are_named(convert, files, tmp_path):
    assert "empty holds no image files: correct --photos" in refusal(convert(photos=files / "empty"))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "bad.jpg").write_text("no image")
    assert "bad.jpg cannot be used: The content is not a JPEG" in refusal(convert(photos=tmp_path / "photos"))
    (tmp_path / "other.csv").write_text("file,class_index\nother.png,1\n")
    message = refusal(convert(photos=files / "photos", labels=tmp_path / "other.csv"))
    assert "names none of the photos" in message


def show_engines(monkeypatch, machine, *arguments):
    monkeypatch.setattr(engines_command, "this_machine", lambda library="torch": machine)
    return CliRunner().invoke(app, ["engines", *arguments], catch_exceptions=False)


def rows_of(result):
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    return {row[0]: row[1:] for row in rows}


def test_engines_are_shown_with_what_was_picked_and_why(monkeypatch):
    result = show_engines(monkeypatch, Machine(cpu_flags=frozenset({"avx512_bf16"}), packages=EVERYTHING))
    assert result.exit_code == 0
    assert rows_of(result) == {
        "PyTorch": ["2.9", "cpu", "bf16", ""],
        "OpenVINO": ["2026.4", "cpu", "bf16", "picked by auto"],
        "ONNX Runtime": ["1.31", "cpu", "fp32", ""],
        "Keras": ["no: pip install 'ray-scoring[keras]'", "", "", ""],
    }
    assert "auto takes OpenVINO, since it is the fastest of the installed engines on a CPU; bf16" in result.stdout


def test_engines_that_are_missing_say_how_to_install_them(monkeypatch):
    result = show_engines(monkeypatch, Machine(packages={"torch": "2.9"}))
    assert rows_of(result)["OpenVINO"][0] == "no: pip install 'ray-scoring[openvino]'"
    assert "auto takes PyTorch" in result.stdout
    result = show_engines(monkeypatch, Machine(packages={"keras": "3.15"}))
    assert rows_of(result)["Keras"] == ["3.15", "cpu", "fp32", "picked by auto"]
    assert "For a network of Keras, auto takes Keras, since it is the fastest of the installed" in result.stdout
    result = show_engines(monkeypatch, Machine())
    assert result.exit_code == 2
    assert "No engine is installed" in result.stderr


def test_engines_of_a_gpu(monkeypatch):
    result = show_engines(monkeypatch, Machine(packages=EVERYTHING, has_gpu=True), "--device", "cuda")
    assert rows_of(result)["PyTorch"] == ["2.9", "cuda", "fp16", "picked by auto"]
    assert rows_of(result)["OpenVINO"][-1] == "cannot run here"


def test_the_commands_import_no_library_before_they_run():
    program = "import sys, serve_app.image.commands; print({'torch', 'numpy', 'openvino', 'ray'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


def test_pixels_are_prepared_as_the_service_prepares_them(files):
    from deployments.contracts import ImagePreset
    from serve_app.image.photos import read_photos

    preset = ImagePreset(224, 224, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    pixels, names = read_photos(files / "photos", preset, 2, "--photos")
    assert names == ["0.png", "1.png"]
    assert pixels.shape == (2, 224, 224, 3)
    assert pixels.dtype == np.uint8
