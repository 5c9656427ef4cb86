"""From settings to an engine, for networks of Keras."""

import pytest

from deployments.contracts import PreparedImage
from deployments.errors import StartupError
from deployments.image_classifier import loading
from deployments.image_classifier.classifier import ImageClassifier
from deployments.image_classifier.conversion.cache import cache_key, converted
from deployments.image_classifier.conversion.errors import ConversionError
from deployments.image_classifier.engines.machine import Machine
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.keras_networks.network import KerasClassification

from .conftest import SIDE

# Starts from what is kept, answers, and tells what was imported.
PROGRAM = """
    import sys
    from deployments.contracts import PreparedImage
    from deployments.image_classifier.classifier import ImageClassifier
    from deployments.image_classifier.engines.probe import probe
    from deployments.image_classifier.settings import ImageClassifierSettings
    settings = ImageClassifierSettings.model_validate_json({settings!r})
    classifier = ImageClassifier.load(settings, allow_untrained=True)
    classifier.warm_up()
    (result,) = classifier.score([PreparedImage(probe(classifier.describe().preset.crop)[0])])
    print(classifier.describe().platform, result.labels[0])
    print(sorted({{"keras", "tensorflow", "torch"}} & set(sys.modules)))
"""


@pytest.fixture
def here(monkeypatch):
    pytest.importorskip("openvino")
    machine = Machine(cpu_flags=frozenset({"avx2"}), packages={"openvino": "1", "torch": "1", "keras": "1"})
    monkeypatch.setattr(loading, "this_machine", lambda library="torch": machine)


@pytest.mark.parametrize("application", [None, "MobileNet"])
def test_a_replica_that_starts_from_the_cache_imports_no_tensorflow(here, run_python, settings_of, application):
    settings = settings_of() if application is None else settings_of(application=application, download=False)
    classifier = ImageClassifier.load(settings, allow_untrained=True)
    (expected,) = classifier.score([PreparedImage(probe(classifier.describe().preset.crop)[0])])
    program = PROGRAM.format(settings=settings.model_dump_json(exclude_defaults=True))
    answer, imported = run_python(program).stdout.splitlines()
    assert answer == f"openvino {expected.labels[0]}"
    assert imported == "[]"


def test_auto_says_what_it_took_and_that_it_converts(here, settings_of, caplog):
    caplog.set_level("INFO", "ray.serve")
    facts = ImageClassifier.load(settings_of(), allow_untrained=False).describe().parameters
    assert facts["engine_why"].startswith("OpenVINO, since it is the fastest of the installed engines on a CPU; fp32")
    assert "network.keras is converted for openvino, this once" in caplog.text


def test_where_auto_cannot_convert_keras_takes_its_place(here, settings_of, monkeypatch):
    def refuse(*_):
        raise ConversionError("network.keras cannot be converted (OpConversionFailure)")

    monkeypatch.setattr(KerasClassification, "write", refuse)
    facts = ImageClassifier.load(settings_of(), allow_untrained=False).describe().parameters
    assert facts["engine"] == "keras"
    assert facts["engine_why"].startswith("Keras in fp32, since OpenVINO cannot run the network: network.keras cannot")
    with pytest.raises(StartupError, match=r"^engine openvino cannot run the network: .*; set engine to keras\.$"):
        ImageClassifier.load(settings_of(engine="openvino"), allow_untrained=False)


def test_a_conversion_that_answers_otherwise_is_not_taken(here, settings_of, monkeypatch):
    infer = KerasClassification.infer
    monkeypatch.setattr(KerasClassification, "infer", lambda self, images: 1 - infer(self, images))
    facts = ImageClassifier.load(settings_of(), allow_untrained=False).describe().parameters
    assert facts["engine"] == "keras"
    assert "the converted network's probabilities differ by up to" in facts["engine_why"]


def test_there_is_no_onnx_of_keras(source_of):
    with pytest.raises(ConversionError, match="networks of Keras are converted for OpenVINO only"):  # noqa: SIM117
        with converted(source_of(), "onnx"):
            pass


def test_the_key_is_made_of_what_decides_the_answers(source_of, files):
    own = {"crop": SIDE, "normalization": "tf"}
    others = [
        source_of(**own),
        source_of(uri=files / "saved", **own),
        source_of(crop=48, normalization="tf"),
        source_of(crop=SIDE, normalization="torch"),
        source_of(**own, outputs="logits"),
        source_of(**own, labels_uri=None),
        source_of(application="MobileNet", download=False),
        source_of(application="MobileNet", download=False, seed=1),
        source_of(application="MobileNet", download=False, normalization="caffe"),
    ]
    assert len({cache_key(source, "openvino") for source in others}) == len(others)
    assert cache_key(source_of(), "openvino") == cache_key(others[0], "openvino")


def test_without_keras_it_is_said_what_to_install(run_python, files):
    program = f"""
        import sys
        sys.modules["tensorflow"] = None
        from deployments.errors import StartupError
        from deployments.image_classifier.settings import ImageClassifierSettings
        from deployments.image_classifier.source import find_source
        keras = {{"uri": "{files / "network.keras"}", "normalization": "tf", "crop": {SIDE}}}
        try:
            find_source(ImageClassifierSettings(keras=keras), allow_untrained=False).load()
        except StartupError as error:
            print(error)
    """
    message = run_python(program).stdout
    assert message.startswith("tensorflow is not installed, which networks of Keras need: install it with `pip install")


def test_what_tensorflow_prints_at_its_start_is_kept_back(run_python):
    program = """
        import os, sys
        from deployments.image_classifier.keras_networks.library import settle, tf, without_noise
        settle(1, gpu=False)
        print(float(tf.constant(1.0) + 1), tf.config.threading.get_intra_op_parallelism_threads())
        with without_noise():
            os.write(2, b"I0000 00:00:1 port.cc:153] information\\nE0000 00:00:1 something failed\\n")
    """
    run = run_python(program)
    assert run.stdout == "2.0 1\n"
    assert run.stderr == "E0000 00:00:1 something failed\n"
