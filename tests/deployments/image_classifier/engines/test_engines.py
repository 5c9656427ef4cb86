"""Every engine answers as PyTorch in fp32 does."""

import csv
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from deployments.contracts import EncodedImage
from deployments.image_classifier.conversion.cache import converted
from deployments.image_classifier.engines.engine import KINDS
from deployments.image_classifier.engines.machine import Machine, cpu_flags
from deployments.image_classifier.engines.opening import open_converted
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.engines.torch_engine import TorchEngine
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.source import find_source
from deployments.image_classifier.torchvision_networks.classification import load_network
from deployments.preprocess.preparation import Preprocessor
from deployments.preprocess.settings import PreprocessSettings

HAS_BF16 = Machine(cpu_flags=cpu_flags()).cpu_has_bf16
bf16 = pytest.mark.skipif(not HAS_BF16, reason="This CPU has no instructions for bf16.")

# Engine and precision; top-1 classes of 100 photos that must equal those of PyTorch in fp32; tolerance of a
# probability. bf16 keeps 8 bits of a number.
ENGINES = [
    pytest.param("torch", "fp32", 99, 1e-3, id="torch-fp32"),
    pytest.param("torch", "bf16", 97, 0.2, id="torch-bf16", marks=bf16),
    pytest.param("openvino", "fp32", 99, 1e-3, id="openvino-fp32"),
    pytest.param("openvino", "bf16", 97, 0.2, id="openvino-bf16", marks=bf16),
    pytest.param("onnxruntime", "fp32", 99, 1e-3, id="onnxruntime-fp32"),
]


def source_of(path, architecture):
    settings = ImageClassifierSettings(architecture=architecture, weights="IMAGENET1K_V1", weights_uri=str(path))
    return find_source(settings, allow_untrained=False)


def open_engine(source, engine, precision, **options):
    if engine == "torch":
        return TorchEngine(load_network(source), source.known.preset.crop, precision=precision, **options)
    pytest.importorskip(engine)
    with converted(source, KINDS[engine]) as model:
        return open_converted(model, precision, **options)


@pytest.fixture(autouse=True)
def shared_cache(cache, session_cache, monkeypatch):
    """Networks are converted once for all tests here."""
    monkeypatch.setenv("SCORING_CACHE", str(session_cache))


@pytest.fixture(scope="module")
def small(squeezenet, session_cache):
    return source_of(squeezenet, "squeezenet1_1")


@pytest.fixture(scope="module", params=["torch", "openvino", "onnxruntime"])
def engine(small, request):
    return open_engine(small, request.param, "fp32", threads=1, max_batch=3)


def test_a_batch_of_any_size_is_answered_in_order(engine, small):
    images = probe(224, 7)
    with torch.inference_mode():
        expected = load_network(small)(torch.from_numpy(images)).numpy()
    for count in (1, 2, 3, 4, 7):
        answers = engine.infer(images[:count])
        assert answers.dtype == np.float32
        np.testing.assert_allclose(answers, expected[:count], atol=1e-5)


def test_answers_stay_when_the_next_come(engine):
    images = probe(224, 2)
    first = engine.infer(images[:1])
    before = first.copy()
    engine.infer(images[1:])
    np.testing.assert_array_equal(first, before)


def test_an_engine_describes_itself(engine, request):
    engine.warm_up()
    facts = engine.describe()
    assert facts["engine"] == request.node.callspec.params["engine"]
    assert (facts["precision"], facts["device"], facts["threads"]) == ("fp32", "cpu", 1)
    assert facts["engine_version"]


def test_a_network_that_cannot_take_the_images_raises_a_runtime_error(engine):
    with pytest.raises(RuntimeError):
        engine.infer(np.zeros((1, 224, 224, 1), np.uint8))


def test_an_engine_of_one_stream_says_so(engine):
    assert engine.streams == 1
    assert "streams" not in engine.describe()


def test_streams_answer_callers_at_the_same_time(small):
    engine = open_engine(small, "openvino", "fp32", threads=2, streams=2, max_batch=3)
    engine.warm_up()
    assert (engine.streams, engine.describe()["streams"]) == (2, 2)
    images = probe(224, 12)
    expected = open_engine(small, "openvino", "fp32", threads=1).infer(images)
    with ThreadPoolExecutor(2) as callers:
        answers = list(callers.map(engine.infer, np.split(images, [1, 3, 4, 5, 9])))
    np.testing.assert_allclose(np.concatenate(answers), expected, atol=1e-5)


def test_openvino_has_inferred_once_before_two_threads_can(small, monkeypatch):
    # Two first inferences at once can wait for each other for ever, within OpenVINO's binding.
    module = pytest.importorskip("deployments.image_classifier.engines.openvino_engine")
    open_engine(small, "openvino", "fp32")  # converts, which infers too
    ran, run = [], module._run
    monkeypatch.setattr(module, "_run", lambda request, images: ran.append(len(images)) or run(request, images))
    open_engine(small, "openvino", "fp32", threads=2, streams=2)
    assert ran == [1]


def test_there_are_as_many_streams_as_threads_at_the_most(small):
    engine = open_engine(small, "openvino", "fp32", threads=1, streams=4)
    assert engine.streams == 1


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_a_file_that_is_no_network_raises_a_runtime_error(tmp_path, small, name):
    pytest.importorskip(name)
    with converted(small, KINDS[name]) as model:
        for file in model.directory.iterdir():
            (tmp_path / file.name).write_bytes(b"nothing")
        broken = type(model)(tmp_path, model.about)
    with pytest.raises(RuntimeError):
        open_converted(broken, "fp32")


@pytest.fixture(scope="module")
def photos(shared_data):
    """The 100 photos as the network takes them, and their classes."""
    images = shared_data / "images"
    with (images / "imagenet_labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    preset = source_of(shared_data / "weights" / "mobilenet_v2.pth", "mobilenet_v2").known.preset
    preprocessor = Preprocessor(PreprocessSettings(), preset)
    prepared = [
        preprocessor.prepare(EncodedImage((images / "imagenet" / row["file"]).read_bytes())).result for row in rows
    ]
    return np.stack([image.pixels for image in prepared]), np.array([int(row["class_index"]) for row in rows])


@pytest.fixture(scope="module")
def mobilenet(shared_data, session_cache):
    return source_of(shared_data / "weights" / "mobilenet_v2.pth", "mobilenet_v2")


@pytest.fixture(scope="module")
def expected(mobilenet, photos):
    """What PyTorch answers in fp32, layer by layer, with no engine of ours around it."""
    network = load_network(mobilenet)
    with torch.inference_mode():
        return np.concatenate([network(part).numpy() for part in torch.split(torch.from_numpy(photos[0]), 10)])


@pytest.mark.parametrize(("name", "precision", "equal", "tolerance"), ENGINES)
def test_photos_are_classified_as_by_pytorch_in_fp32(  # noqa: PLR0917 - pytest passes them by name
    mobilenet, photos, expected, name, precision, equal, tolerance
):
    pixels, classes = photos
    answers = open_engine(mobilenet, name, precision).infer(pixels)
    assert (answers.argmax(1) == expected.argmax(1)).sum() >= equal
    assert np.abs(answers - expected).max() < tolerance
    np.testing.assert_allclose(answers.sum(1), 1, atol=1e-3)
    # The published predictions are right on 77 of the 100.
    assert (answers.argmax(1) == classes).sum() >= 75
