"""Files that are no network of Keras's, or not one that classifies these images."""

import shutil
import zipfile

import pytest

from deployments.errors import StartupError
from deployments.image_classifier.keras_networks.library import keras

from .conftest import SIDE, small


@keras.saving.register_keras_serializable("tests")
class Doubled(keras.layers.Layer):
    def call(self, signals):
        return signals * 2


def refusal(source_of, path, **given):
    with pytest.raises(StartupError) as caught:
        source_of(uri=path, **given).load()
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert str(path.parent) not in sentence
    return sentence


def test_code_in_a_file_is_not_run(source_of, tmp_path):
    small(inner=keras.layers.Lambda(lambda signals: signals * 2)).save(tmp_path / "code.keras")
    sentence = refusal(source_of, tmp_path / "code.keras")
    assert sentence.startswith("The Keras network code.keras holds Python code (a Lambda layer), which is not run")


def test_a_layer_that_keras_does_not_have_is_named_and_a_saved_model_does_without(
    source_of, tmp_path, run_python, files
):
    model = small(inner=Doubled())
    model.save(tmp_path / "own.keras")
    model.export(tmp_path / "own", verbose=False)
    program = f"""
        from deployments.errors import StartupError
        from deployments.image_classifier.settings import ImageClassifierSettings
        from deployments.image_classifier.source import find_source
        for name in ("own.keras", "own"):
            keras = {{"uri": "{tmp_path}/" + name, "normalization": "tf", "crop": {SIDE}}}
            settings = ImageClassifierSettings(keras=keras, labels_uri="{files / "labels.txt"}", device="cpu")
            try:
                print(find_source(settings, allow_untrained=False).load().size)
            except StartupError as error:
                print(error)
    """
    refused, size = run_python(program).stdout.splitlines()
    assert refused.startswith("The Keras network own.keras needs Doubled, which is not a part of Keras: save it with")
    assert int(size) == source_of(uri=tmp_path / "own.keras").load().size > 0


@pytest.mark.parametrize("damage", [lambda whole: b"", lambda whole: whole[:2000], lambda whole: whole[::-1]])
def test_a_damaged_file_is_an_error_of_the_start(source_of, files, tmp_path, damage):
    (tmp_path / "network.keras").write_bytes(damage((files / "network.keras").read_bytes()))
    assert "The Keras network network.keras cannot be read: it is damaged" in refusal(
        source_of, tmp_path / "network.keras"
    )


def test_a_file_without_part_of_the_weights_is_damaged(source_of, files, tmp_path):
    import h5py

    with zipfile.ZipFile(files / "network.keras") as whole:
        whole.extractall(tmp_path)
    with h5py.File(tmp_path / "model.weights.h5", "a") as weights:
        del weights["layers"]["conv2d"]
    with zipfile.ZipFile(tmp_path / "part.keras", "w") as part:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            part.write(tmp_path / name, name)
    assert "The Keras network part.keras cannot be read: it is damaged" in refusal(source_of, tmp_path / "part.keras")


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.index"])
def test_a_damaged_saved_model_is_an_error_of_the_start(source_of, files, tmp_path, file):
    shutil.copytree(files / "saved", tmp_path / "saved")
    (tmp_path / "saved" / file).write_bytes(b"\xff\xff")
    assert "The SavedModel saved is damaged" in refusal(source_of, tmp_path / "saved")


def test_images_of_another_side_are_refused_with_the_right_one(source_of, files):
    sentence = refusal(source_of, files / "network.keras", crop=48)
    assert sentence.startswith("The Keras network network.keras takes 32 x 32 x 3, not images of 48 x 48 x 3: set")
    assert "takes 32 x 32 x 3" in refusal(source_of, files / "saved", crop=48)


def test_channels_first_are_refused(source_of, tmp_path):
    pixels = keras.layers.Input((3, SIDE, SIDE))
    model = keras.Model(pixels, keras.layers.Dense(5, activation="softmax")(keras.layers.Flatten()(pixels)))
    model.save(tmp_path / "first.keras")
    assert "takes 3 x 32 x 32, not images of 32 x 32 x 3" in refusal(source_of, tmp_path / "first.keras")


def test_a_network_for_images_of_any_side_takes_what_the_settings_say(source_of, tmp_path):
    small(side=None).save(tmp_path / "any.keras")
    source = source_of(uri=tmp_path / "any.keras", crop=40)
    assert source.preset.crop == 40
    assert source.load().size > 0


def test_labels_must_be_as_many_as_outputs(source_of, files):
    sentence = refusal(source_of, files / "network.keras", labels_uri=None)
    assert "gives 5 numbers for images, and there are 1000 labels: name its own classes with labels_uri" in sentence


def test_outputs_that_are_no_classes_are_refused(source_of, tmp_path):
    pixels = keras.layers.Input((SIDE, SIDE, 3))
    keras.Model(pixels, keras.layers.Conv2D(5, 3)(pixels)).save(tmp_path / "map.keras")
    assert "gives an array of 4 dimensions for images" in refusal(source_of, tmp_path / "map.keras")


def test_several_inputs_are_refused(source_of, tmp_path):
    pair = [keras.layers.Input((SIDE, SIDE, 3)) for _ in range(2)]
    answers = keras.layers.Dense(5, activation="softmax")(keras.layers.Flatten()(keras.layers.add(pair)))
    model = keras.Model(pair, answers)
    model.save(tmp_path / "pair.keras")
    model.export(tmp_path / "pair", verbose=False)
    assert "pair.keras fails on images of 32 x 32 x 3" in refusal(source_of, tmp_path / "pair.keras")
    assert "takes 2 tensors and gives 1" in refusal(source_of, tmp_path / "pair")


def test_logits_are_no_probabilities(source_of, tmp_path):
    small(top=None).save(tmp_path / "logits.keras")
    sentence = refusal(source_of, tmp_path / "logits.keras")
    assert "gives no probabilities, since they add up to" in sentence
    assert "set keras.outputs to logits" in sentence
