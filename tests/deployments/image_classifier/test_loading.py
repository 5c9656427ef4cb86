import shutil

import pytest

from deployments.contracts import PreparedImage
from deployments.errors import StartupError
from deployments.image_classifier import loading
from deployments.image_classifier.classifier import ImageClassifier
from deployments.image_classifier.conversion.cache import converted
from deployments.image_classifier.conversion.errors import ConversionError
from deployments.image_classifier.conversion.model_files import seal
from deployments.image_classifier.engines.machine import Machine
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.source import find_source
from deployments.image_classifier.torchvision_networks import network

UNTRAINED = {"architecture": "squeezenet1_1", "weights": "DEFAULT", "download": False, "device": "cpu"}

# Loads a model in a process of its own, answers, and tells what was imported.
PROGRAM = """
    import sys
    from deployments.contracts import PreparedImage
    from deployments.image_classifier.classifier import ImageClassifier
    from deployments.image_classifier.engines.probe import probe
    from deployments.image_classifier.settings import ImageClassifierSettings
    settings = ImageClassifierSettings.model_validate({settings!r})
    classifier = ImageClassifier.load(settings, allow_untrained=True)
    classifier.warm_up()
    (result,) = classifier.score([PreparedImage(probe(224)[0])])
    facts = classifier.describe().parameters
    print(facts["engine"], facts["architecture"], classifier.describe().weights, result.labels[0])
    print(sorted({{"torch", "torchvision", "nncf", "onnx"}} & set(sys.modules)))
"""


@pytest.fixture
def only_openvino(monkeypatch):
    machine = Machine(cpu_flags=frozenset({"avx2"}), packages={"openvino": "1", "torch": "1"})
    monkeypatch.setattr(loading, "this_machine", lambda library: machine)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("trained", [True, False])
def test_a_replica_that_starts_from_the_cache_imports_no_torch(run_python, squeezenet, engine, trained):
    pytest.importorskip(engine)
    settings = {**UNTRAINED, "engine": engine, **({"weights_uri": str(squeezenet)} if trained else {})}
    first = ImageClassifier.load(ImageClassifierSettings(**settings), allow_untrained=True)
    (expected,) = first.score([PreparedImage(probe(224)[0])])
    answer, imported = run_python(PROGRAM.format(settings=settings)).stdout.splitlines()
    weights = "trained" if trained else "untrained"
    assert answer == f"{engine} squeezenet1_1 {weights} {expected.labels[0]}"
    assert imported == "[]"


def test_auto_says_what_it_took_and_why(only_openvino, caplog):
    caplog.set_level("INFO", "ray.serve")
    description = ImageClassifier.load(ImageClassifierSettings(**UNTRAINED), allow_untrained=True).describe()
    assert description.platform == "openvino"
    facts = description.parameters
    assert (facts["engine"], facts["precision"], facts["device"]) == ("openvino", "fp32", "cpu")
    assert facts["engine_why"].startswith("OpenVINO, since it is the fastest of the installed engines on a CPU; fp32")
    assert facts["engine_why"] in caplog.text


def test_untrained_weights_are_the_same_in_every_engine():
    scores = [
        ImageClassifier.load(
            ImageClassifierSettings(**UNTRAINED, engine=engine, precision="fp32", seed=3), allow_untrained=True
        ).score([PreparedImage(probe(224)[0], top_k=1000)])[0]
        for engine in ("torch", "openvino")
    ]
    one, other = (dict(zip(each.indices, each.probabilities, strict=True)) for each in scores)
    assert max(abs(one[index] - other[index]) for index in one) < 1e-5


def test_settings_reach_the_engine_of_pytorch(monkeypatch):
    taken = {}

    def engine(_, side, **options):
        taken.update(options, side=side)

    monkeypatch.setattr(network, "TorchEngine", engine)
    given = {"engine": "torch", "precision": "fp32", "threads": 3, "max_batch": 7, "compile": False, "gpus": 0.25}
    loading.load_model(ImageClassifierSettings(**UNTRAINED, **given), allow_untrained=True)
    assert taken == {
        "side": 224, "device": "cpu", "precision": "fp32", "threads": 3, "max_batch": 7, "compile": False,
        "gpu_memory": 0.25,
    }  # fmt: skip


def test_where_auto_cannot_convert_pytorch_takes_its_place(only_openvino, monkeypatch):
    def refuse(*_, **__):
        raise ConversionError("squeezenet1_1 cannot be converted (OpConversionFailure)")

    monkeypatch.setattr(loading, "converted", refuse)
    facts = ImageClassifier.load(ImageClassifierSettings(**UNTRAINED), allow_untrained=True).describe().parameters
    assert facts["engine"] == "torch"
    assert "OpenVINO cannot run the network: squeezenet1_1 cannot be converted" in facts["engine_why"]
    with pytest.raises(StartupError, match=r"^engine openvino cannot run the network: .*; set engine to torch\.$"):
        ImageClassifier.load(ImageClassifierSettings(**UNTRAINED, engine="openvino"), allow_untrained=True)


def test_streams_of_an_engine_that_has_one_are_refused(monkeypatch):
    settings = ImageClassifierSettings(**UNTRAINED, engine="torch", streams=2)
    with pytest.raises(StartupError, match=r"^streams is 2, and PyTorch runs one batch at a time; set streams to auto"):
        ImageClassifier.load(settings, allow_untrained=True)
    one = ImageClassifier.load(settings.model_copy(update={"streams": 1}), allow_untrained=True)
    assert one.streams == 1


def test_streams_reach_the_engine(only_openvino):
    settings = ImageClassifierSettings(**UNTRAINED, streams=2, threads=2)
    classifier = ImageClassifier.load(settings, allow_untrained=True)
    assert classifier.streams == 2
    assert classifier.describe().parameters["streams"] == 2


@pytest.fixture
def model_dir(tmp_path, squeezenet):
    """A converted model with labels of its own."""
    settings = ImageClassifierSettings(**UNTRAINED, weights_uri=str(squeezenet))
    directory = tmp_path / "model"
    with converted(find_source(settings, allow_untrained=False), "openvino") as model:
        shutil.copytree(model.directory, directory)
    labels = tuple(f"label {index}" for index in range(1000))
    seal(directory, model.about.model_copy(update={"labels": labels}))
    return directory


def test_a_converted_model_brings_all_that_it_needs(model_dir, run_python):
    settings = {"model_dir": str(model_dir), "engine": "auto"}
    answer, imported = run_python(PROGRAM.format(settings=settings)).stdout.splitlines()
    assert answer.startswith("openvino squeezenet1_1 trained label ")
    assert imported == "[]"


def test_a_converted_model_that_is_untrained_is_refused(model_dir, tmp_path):
    from deployments.image_classifier.conversion.model_files import read

    model = read(model_dir)
    seal(model_dir, model.about.model_copy(update={"weights": "untrained"}))
    settings = ImageClassifierSettings(model_dir=str(model_dir))
    with pytest.raises(StartupError, match="is untrained: convert one with weights"):
        ImageClassifier.load(settings, allow_untrained=False)
    assert ImageClassifier.load(settings, allow_untrained=True).describe().weights == "untrained"


def test_files_that_the_engine_cannot_load_are_an_error_of_the_start(model_dir):
    from deployments.image_classifier.conversion.model_files import read

    model = read(model_dir)
    model.network.write_text("<net/>")
    seal(model_dir, model.about)
    with pytest.raises(StartupError, match=r"^OpenVINO cannot load the network"):
        ImageClassifier.load(ImageClassifierSettings(model_dir=str(model_dir)), allow_untrained=False)


@pytest.mark.parametrize(("threads", "streams"), [(1, 1), (2, 2), (4, 2)])
def test_auto_takes_two_streams_where_each_has_a_thread(only_openvino, threads, streams):
    settings = ImageClassifierSettings(**UNTRAINED, threads=threads)
    assert ImageClassifier.load(settings, allow_untrained=True).streams == streams
