import asyncio
import csv
import io
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torchvision.transforms import functional

from deployments.contracts import Classes, EncodedImage, ImagePreset, PreparedImage, Tensor
from deployments.errors import InvalidInput, ModelError, StartupError
from deployments.image_classifier import classifier as module
from deployments.image_classifier.classifier import ImageClassifier
from deployments.image_classifier.engines.torch_engine import TorchEngine
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.torchvision_networks.classification import Classification
from deployments.preprocess.preparation import Preprocessor
from deployments.preprocess.settings import PreprocessSettings

PRESET = ImagePreset(256, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class FakeEngine:
    """Answers as it is told."""

    streams = 1
    max_batch = 32

    def __init__(self, probabilities=None, error=None):
        self.probabilities = probabilities
        self.error = error
        self.batches = []

    def infer(self, batch):
        self.batches.append(len(batch))
        if self.error is not None:
            raise self.error
        return np.asarray(self.probabilities, dtype=np.float32)[: len(batch)]

    def warm_up(self):
        pass

    def describe(self):
        return {"engine": "torch"}


def classifier_with(engine, labels):
    return ImageClassifier(engine, labels, PRESET, weights="trained", parameters={})


def pixels(seed=0, size=224):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def settings_for(path, architecture="squeezenet1_1", **options):
    options = {"engine": "torch", "precision": "fp32", **options}
    return ImageClassifierSettings(architecture=architecture, weights="IMAGENET1K_V1", weights_uri=str(path), **options)


@pytest.fixture(scope="module")
def classifier(squeezenet):
    return ImageClassifier.load(settings_for(squeezenet, device="cpu", max_batch=4), allow_untrained=False)


def test_describes_itself(classifier):
    description = classifier.describe()
    assert description.platform == "pytorch"
    assert description.weights == "trained"
    assert description.inputs == (Tensor("pixels", "UINT8", (-1, 224, 224, 3)),)
    assert description.outputs == (
        Tensor("class_ids", "INT64", (-1, -1)),
        Tensor("labels", "BYTES", (-1, -1)),
        Tensor("probabilities", "FP32", (-1, -1)),
    )
    assert description.preset == PRESET
    facts = description.parameters
    assert facts["architecture"] == "squeezenet1_1"
    assert facts["weights"] == "IMAGENET1K_V1"
    assert facts["source"] == "squeezenet.pth"
    assert len(facts["sha256"]) == 64
    assert facts["device"] == "cpu"
    assert facts["classes"] == 1000
    assert pickle.loads(pickle.dumps(description)) == description  # noqa: S301


def test_scores_the_most_probable_first(classifier):
    (result,) = classifier.score([PreparedImage(pixels(), top_k=5)])
    assert len(result.indices) == len(result.labels) == len(result.probabilities) == 5
    assert result.probabilities == sorted(result.probabilities, reverse=True)
    assert all(type(index) is int for index in result.indices)
    assert all(type(probability) is float for probability in result.probabilities)
    (everything,) = classifier.score([PreparedImage(pixels(), top_k=5000)])
    assert sorted(everything.indices) == list(range(1000))
    assert sum(everything.probabilities) == pytest.approx(1, abs=1e-4)
    assert everything.indices[:5] == result.indices


def test_a_list_longer_than_a_batch_is_split(classifier):
    images = [PreparedImage(pixels(seed)) for seed in range(11)]
    alone = [classifier.score([image])[0] for image in images]
    together = classifier.score(images)
    for one, other in zip(alone, together, strict=True):
        assert one.indices == other.indices
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-5)


def test_nothing_is_scored_as_nothing(classifier):
    assert classifier.score([]) == []


def test_warms_up(classifier):
    classifier.warm_up()


@pytest.mark.parametrize(
    "wrong", [pixels(size=223), pixels()[..., :1], pixels().astype(np.float32), np.zeros((0,), dtype=np.uint8)]
)
def test_a_wrong_shape_fails_alone(classifier, wrong):
    results = classifier.score([PreparedImage(pixels()), PreparedImage(wrong), PreparedImage(pixels(1))])
    assert [type(result) for result in results] == [Classes, InvalidInput, Classes]
    assert results[0].indices == classifier.score([PreparedImage(pixels())])[0].indices


def test_what_is_no_number_is_the_models_error():
    engine = FakeEngine([[0.1, 0.9], [np.nan, np.nan], [0.7, 0.3]])
    results = classifier_with(engine, ["a", "b"]).score([PreparedImage(pixels())] * 3)
    assert [type(result) for result in results] == [Classes, ModelError, Classes]
    assert results[2].labels == ["a", "b"]
    with pytest.raises(StartupError, match="cannot classify"):
        classifier_with(FakeEngine([[np.nan, np.nan]]), ["a", "b"]).warm_up()


def test_a_network_that_fails_fails_each_image():
    engine = FakeEngine(error=RuntimeError("out of memory at /some/path"))
    results = classifier_with(engine, ["a"]).score([PreparedImage(pixels())] * 2)
    assert [type(result) for result in results] == [ModelError, ModelError]
    assert "path" not in results[0].message


async def test_calls_are_classified_together_and_alone_alike(classifier):
    calls = [[pixels(1)], [pixels(2), pixels(size=223), pixels(3)], []]
    calls = [[PreparedImage(image, top_k=2) for image in images] for images in calls]
    with ThreadPoolExecutor(1) as lanes:
        batches = classifier.batches(lanes)
        answers = await asyncio.gather(*(classifier.classify(images, batches) for images in calls))
    assert [[type(result) for result in results] for results, _ in answers] == [
        [Classes],
        [Classes, InvalidInput, Classes],
        [],
    ]
    for images, (results, _) in zip(calls, answers, strict=True):
        for found, alone in zip(results, classifier.score(images), strict=True):
            if isinstance(found, Classes):
                assert found.indices == alone.indices
                np.testing.assert_allclose(found.probabilities, alone.probabilities, atol=1e-5)
    assert [sorted(seconds) for _, seconds in answers] == [["infer", "queue"], ["infer", "queue"], []]


async def test_a_network_that_fails_fails_each_image_of_a_call():
    failing = classifier_with(FakeEngine(error=RuntimeError("out of memory at /some/path")), ["a"])
    with ThreadPoolExecutor(1) as lanes:
        results, seconds = await failing.classify([PreparedImage(pixels())] * 2, failing.batches(lanes))
    assert [type(result) for result in results] == [ModelError, ModelError]
    assert "path" not in results[0].message
    assert seconds == {}


def test_the_size_of_batches_is_measured_once(squeezenet, caplog, monkeypatch):
    caplog.set_level("INFO", "ray.serve")
    settings = settings_for(squeezenet, device="cpu")
    measured = ImageClassifier.load(settings, allow_untrained=False)
    measured.warm_up()
    facts = measured.describe().parameters
    assert facts["images_per_second"].startswith("1: ")
    assert facts["max_batch"] in {1, 2, 4, 8, 16, 32}
    assert f"Images per second by size of a batch: {facts['images_per_second']}; batches have up to" in caplog.text
    monkeypatch.setattr(module, "measure_curve", None)
    again = ImageClassifier.load(settings, allow_untrained=False)
    again.warm_up()
    assert again.describe().parameters == facts


def test_a_size_that_is_set_is_not_measured(squeezenet, monkeypatch):
    monkeypatch.setattr(module, "measure_curve", None)
    fixed = ImageClassifier.load(settings_for(squeezenet, device="cpu", max_batch=3), allow_untrained=False)
    fixed.warm_up()
    facts = fixed.describe().parameters
    assert facts["max_batch"] == 3
    assert "images_per_second" not in facts


def test_untrained_only_if_allowed():
    settings = ImageClassifierSettings(
        architecture="squeezenet1_1", weights="DEFAULT", download=False, device="cpu", engine="torch", seed=5
    )
    with pytest.raises(StartupError, match=r"^The weights DEFAULT of squeezenet1_1 cannot be had: .* weights_uri\.$"):
        ImageClassifier.load(settings, allow_untrained=False)
    one, same = (ImageClassifier.load(settings, allow_untrained=True) for _ in range(2))
    one.warm_up()
    assert one.describe().weights == "untrained"
    assert one.describe().parameters["source"] == "random, seed 5"
    assert one.score([PreparedImage(pixels())]) == same.score([PreparedImage(pixels())])


def test_configured_weights_are_never_replaced_by_untrained_ones(tmp_path):
    with pytest.raises(StartupError, match="there is no such file"):
        ImageClassifier.load(settings_for(tmp_path / "none.pth"), allow_untrained=True)


def test_the_users_own_classes(tmp_path):
    path, labels = tmp_path / "w.pth", tmp_path / "labels.txt"
    torch.save(torchvision.models.squeezenet1_1(weights=None, num_classes=3).state_dict(), path)
    labels.write_text("cat\ndog\nbird\n")
    own = ImageClassifier.load(settings_for(path, labels_uri=str(labels)), allow_untrained=False)
    (result,) = own.score([PreparedImage(pixels())])
    assert sorted(result.labels) == ["bird", "cat", "dog"]
    labels.write_text("cat\ndog\n")
    with pytest.raises(StartupError, match=r"does not fit squeezenet1_1 with 2 classes"):
        ImageClassifier.load(settings_for(path, labels_uri=str(labels)), allow_untrained=False)
    with pytest.raises(StartupError, match=r"does not fit squeezenet1_1 with 1000 classes"):
        ImageClassifier.load(settings_for(path), allow_untrained=False)


def test_weights_without_class_names_need_labels():
    settings = ImageClassifierSettings(architecture="vgg16", weights="IMAGENET1K_FEATURES", download=False)
    with pytest.raises(StartupError, match="labels_uri"):
        ImageClassifier.load(settings, allow_untrained=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="This machine has a GPU.")
def test_a_gpu_that_is_not_there_is_said(squeezenet):
    with pytest.raises(StartupError, match="no GPU"):
        ImageClassifier.load(settings_for(squeezenet, device="cuda"), allow_untrained=False)


def test_the_engine_normalizes_as_torchvision_does():
    class Flat(torch.nn.Module):
        def forward(self, images):
            return images.contiguous().flatten(1)

    engine = TorchEngine(Classification(Flat(), PRESET), 224)
    image = pixels()
    tensor = functional.normalize(functional.to_tensor(image), PRESET.mean, PRESET.std)
    np.testing.assert_allclose(engine.infer(image[None])[0], torch.softmax(tensor.flatten(), 0), atol=1e-9)


@pytest.mark.parametrize("architecture", ["squeezenet1_1", "mobilenet_v3_small", "resnet18"])
def test_equals_torchvision_from_the_file_on(tmp_path, architecture):
    torch.manual_seed(1)
    network = torchvision.models.get_model(architecture, weights=None).eval()
    torch.save(network.state_dict(), tmp_path / "w.pth")
    ours = ImageClassifier.load(settings_for(tmp_path / "w.pth", architecture, device="cpu"), allow_untrained=False)
    transform = torchvision.models.get_model_weights(architecture)["IMAGENET1K_V1"].transforms()
    for kind, size in [("JPEG", (500, 375)), ("PNG", (200, 301)), ("WEBP", (1, 1)), ("GIF", (600, 100))]:
        content = encoded(size, kind)
        assert_equals(ours, content, network, transform, tolerance=1e-5)


def encoded(size, kind):
    file = io.BytesIO()
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8))
    noise.resize(size, Image.Resampling.BICUBIC).save(file, kind)
    return file.getvalue()


def assert_equals(ours, content, network, transform, tolerance):
    prepared = Preprocessor(PreprocessSettings(), ours.describe().preset).prepare(EncodedImage(content, top_k=1000))
    (result,) = ours.score([prepared.result])
    with torch.inference_mode():
        image = Image.open(io.BytesIO(content)).convert("RGB")
        expected = torch.softmax(network(transform(image)[None]), 1)[0].numpy()
    np.testing.assert_allclose(expected[result.indices], result.probabilities, atol=tolerance)
    assert expected[result.indices[0]] >= expected.max() - tolerance


@pytest.fixture(scope="module")
def mobilenet(shared_data):
    path = shared_data / "weights" / "mobilenet_v2.pth"
    return ImageClassifier.load(settings_for(path, "mobilenet_v2"), allow_untrained=False)


def test_mobilenet_recognizes_photos(mobilenet, shared_data):
    """The published predictions are right on 77 of the 100 photos."""
    images = shared_data / "images"
    with (images / "imagenet_labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    preprocessor = Preprocessor(PreprocessSettings(), mobilenet.describe().preset)
    contents = [(images / "imagenet" / row["file"]).read_bytes() for row in rows]
    prepared = [preprocessor.prepare(EncodedImage(content, top_k=1)).result for content in contents]
    found = [result.indices[0] for result in mobilenet.score(prepared)]
    assert sum(index == int(row["mobilenet_v2_top1"]) for index, row in zip(found, rows, strict=True)) >= 99
    assert sum(index == int(row["class_index"]) for index, row in zip(found, rows, strict=True)) >= 77


def test_mobilenet_recognizes_the_references_picture(mobilenet, shared_data):
    preprocessor = Preprocessor(PreprocessSettings(), mobilenet.describe().preset)
    content = (shared_data / "images" / "lynx.jpg").read_bytes()
    (result,) = mobilenet.score([preprocessor.prepare(EncodedImage(content)).result])
    assert result.labels[0] == "n02127052 lynx, catamount"
    assert len(result.labels) == 3


def test_mobilenet_equals_torchvision_on_photos(mobilenet, shared_data):
    network = torchvision.models.mobilenet_v2(weights=None).eval()
    network.load_state_dict(torch.load(shared_data / "weights" / "mobilenet_v2.pth", weights_only=True))
    transform = torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.transforms()
    for path in sorted((shared_data / "images" / "imagenet").iterdir())[::10]:
        assert_equals(mobilenet, path.read_bytes(), network, transform, tolerance=1e-3)
