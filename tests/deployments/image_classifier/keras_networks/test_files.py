"""Where files of Keras networks come from."""

import hashlib
import shutil
import subprocess

import pytest

from deployments.errors import StartupError
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.fetching import WeightsMissing
from deployments.image_classifier.keras_networks import known
from deployments.image_classifier.keras_networks.facts import Known
from deployments.image_classifier.keras_networks.files import find_published
from deployments.image_classifier.keras_networks.known import find_known
from deployments.image_classifier.keras_networks.library import keras

from .conftest import SIDE


def test_a_remote_file_is_fetched_once_and_checked(source_of, files, server):
    content = (files / "network.keras").read_bytes()
    server.files["/network.keras"] = content
    digest = hashlib.sha256(content).hexdigest()
    for _ in range(2):
        source = source_of(uri=server.url("/network.keras"), sha256=digest.upper())
        assert (source.file.name, source.file.sha256, source.weights) == ("network.keras", digest, "trained")
    assert server.asked == ["/network.keras"]
    assert source.load().infer(probe(SIDE)).shape == (1, 5)
    with pytest.raises(StartupError, match=r"^The Keras network network\.keras has another SHA-256 than keras\.sha256"):
        source_of(uri=server.url("/network.keras"), sha256="0" * 64)


def test_a_saved_model_is_known_by_what_sha256sum_says_of_it(source_of, files, tmp_path):
    directory = tmp_path / "saved"
    shutil.copytree(files / "saved", directory)
    command = "find -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"
    found = subprocess.run(["/bin/sh", "-c", command], cwd=directory, capture_output=True, text=True, check=True)
    digest = found.stdout.split()[0]
    source = source_of(uri=directory, sha256=digest)
    assert source.file.sha256 == digest == source_of(uri=files / "saved").file.sha256
    (directory / "assets" / "more").write_text("x")
    with pytest.raises(StartupError, match="has another SHA-256"):
        source_of(uri=directory, sha256=digest)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.keras", r"^The Keras network none\.keras cannot be had: there is no such file; correct keras\.uri\.$"),
        ("network.h5", r"^keras\.uri must name a \.keras file or the directory of a SavedModel, not network\.h5"),
        ("", "holds no saved_model.pb, so it is no SavedModel"),
    ],
)
def test_what_is_no_network_is_refused(source_of, tmp_path, name, message):
    with pytest.raises(StartupError, match=message):
        source_of(uri=tmp_path / name)


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory):
    """Weights of an application, in each form that Keras has."""
    directory = tmp_path_factory.mktemp("mobilenet")
    keras.utils.set_random_seed(9)
    model = keras.applications.MobileNet(weights=None, classes=5)
    model.save_weights(directory / "w.weights.h5")
    model.save(directory / "w.keras")
    return directory, model.predict(keras.applications.mobilenet.preprocess_input(1.0 * probe(224)), verbose=0)


@pytest.mark.parametrize("name", ["w.weights.h5", "w.keras"])
def test_an_application_takes_weights_of_ones_own(source_of, mobilenet, name):
    directory, expected = mobilenet
    source = source_of(application="MobileNet", uri=directory / name)
    assert (source.weights, source.facts["architecture"], source.facts["source"]) == ("trained", "MobileNet", name)
    assert abs(source.load().infer(probe(224)) - expected).max() < 1e-5


def test_weights_that_do_not_fit_are_refused(source_of, mobilenet, tmp_path):
    directory, _ = mobilenet
    with pytest.raises(StartupError, match=r"w\.weights\.h5 does not fit MobileNet with 1000 classes, or is damaged"):
        source_of(application="MobileNet", uri=directory / "w.weights.h5", labels_uri=None).load()
    with pytest.raises(StartupError, match=r"w\.weights\.h5 does not fit MobileNetV2 with 5 classes"):
        source_of(application="MobileNetV2", uri=directory / "w.weights.h5").load()
    (tmp_path / "w.h5").write_bytes(b"nothing")
    with pytest.raises(StartupError, match=r"w\.h5 does not fit MobileNet with 5 classes, or is damaged"):
        source_of(application="MobileNet", uri=tmp_path / "w.h5").load()
    with pytest.raises(StartupError, match=r"must name weights as \.weights\.h5, \.h5 or \.keras, not w\.pth"):
        source_of(application="MobileNet", uri=tmp_path / "w.pth")


@pytest.mark.parametrize("digest", [hashlib.sha256, hashlib.md5, None])
def test_published_weights_are_downloaded_once_and_checked(server, digest, source_of, cache):
    server.files["/keras/w.h5"] = b"weights"
    preset = source_of().preset
    right = Known(server.url("/keras/w.h5"), digest(b"weights").hexdigest() if digest else "", preset)
    with pytest.raises(WeightsMissing, match="it is not in the cache and download is off"):
        find_published(right, download=False)
    for _ in range(2):
        assert find_published(right, download=True).path.read_bytes() == b"weights"
    assert server.asked == ["/keras/w.h5"]
    if digest is not None:
        wrong = Known(server.url("/keras/w.h5"), digest(b"others").hexdigest(), preset)
        with pytest.raises(WeightsMissing, match=r"what came for w\.h5 has another (MD5|SHA-256) than expected"):
            find_published(wrong, download=True)


def test_weights_that_keras_publishes_are_loaded(source_of, server, mobilenet, monkeypatch):
    directory, expected = mobilenet
    server.files["/w.weights.h5"] = (directory / "w.weights.h5").read_bytes()
    url = server.url("/w.weights.h5")
    ask = known.find_known
    monkeypatch.setattr(
        "deployments.image_classifier.keras_networks.source.find_known",
        lambda *names: Known(url, "", ask(*names).preset),
    )
    source = source_of(application="MobileNet")
    assert source.weights == "trained"
    assert abs(source.load().infer(probe(224)) - expected).max() < 1e-5


def test_keras_is_asked_once(monkeypatch):
    from deployments.image_classifier.keras_networks import applications

    found = find_known("MobileNet", lambda: None)
    monkeypatch.setattr(applications, "known", None)
    assert find_known("MobileNet", lambda: None) == found
    monkeypatch.setattr(known, "installed", lambda _: None)
    assert find_known("MobileNet", lambda: None) == found


def test_only_the_local_profile_starts_without_weights(settings_of):
    from deployments.image_classifier.source import find_source

    settings = settings_of(application="MobileNet", download=False, labels_uri=None)
    message = r"^ImageNet's weights of Keras's MobileNet cannot be had: .*; name a file or URI .* with keras\.uri\.$"
    with pytest.raises(StartupError, match=message):
        find_source(settings, allow_untrained=False)
    source = find_source(settings, allow_untrained=True)
    assert source.facts["untrained"].startswith("ImageNet's weights of Keras's MobileNet cannot be had")
