import pytest
from pydantic import ValidationError

from deployments.image_classifier.keras_settings import KerasNetwork, Normalization
from deployments.image_classifier.settings import ImageClassifierSettings


@pytest.mark.parametrize("settings", [ImageClassifierSettings, KerasNetwork, Normalization])
def test_every_setting_is_described(settings):
    assert all(field.description for field in settings.model_fields.values())


@pytest.mark.parametrize("gpus", ["auto", 0, 0.25, 1])
def test_takes_shares_of_gpus(gpus):
    assert ImageClassifierSettings(gpus=gpus).gpus == gpus


@pytest.mark.parametrize(("gpus", "share"), [("auto", None), (0, None), (0.25, 0.25), (1, None), (2, None)])
def test_only_a_part_of_a_gpu_is_a_share(gpus, share):
    assert ImageClassifierSettings(gpus=gpus).gpu_share == share


@pytest.mark.parametrize(
    "wrong",
    [
        {"gpus": -1},
        {"gpus": "all"},
        {"device": "tpu"},
        {"weights_sha256": "abc"},
        {"threads": 0},
        {"streams": 0},
        {"max_batch": 0},
        {"max_batch": "all"},
        {"compile": "sometimes"},
        {"archtecture": "x"},
    ],
)
def test_refuses_wrong_settings(wrong):
    with pytest.raises(ValidationError):
        ImageClassifierSettings(**wrong)


KERAS = {"application": "ResNet152"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"keras": KERAS, "architecture": "resnet18"}, "architecture is torchvision's; take architecture out"),
        ({"keras": KERAS, "weights_uri": "w.pth", "weights": "DEFAULT"}, "take weights and weights_uri out"),
        ({"model_dir": "m", "keras": KERAS}, "a converted model, which has its own keras; take keras out"),
        ({"model_dir": "m", "labels_uri": "l.txt"}, "which has its own labels_uri; take labels_uri out"),
        ({"model_dir": "m", "architecture": "resnet18", "weights": "DEFAULT"}, "take architecture and weights out"),
        ({"model_dir": "m", "weights_uri": "w.pth"}, "take weights_uri out"),
        ({"model_dir": "m", "weights_sha256": "0" * 64}, "take weights_sha256 out"),
        ({"keras": {}}, "must name a file with uri, or a network of keras.applications with application"),
        ({"keras": {"uri": "n.keras"}}, "must say how the network wants its pixels with normalization"),
        ({"keras": {**KERAS, "sha256": "0" * 64}}, "sha256 is that of the file: name it with uri"),
        ({"keras": {**KERAS, "crop": 224, "resize": 200}}, "resize must be at least crop, which is 224"),
        ({"keras": {**KERAS, "normalization": "imagenet"}}, "normalization"),
        ({"keras": {**KERAS, "normalization": {"mean": [0, 0, 0], "std": [1, 1, 0]}}}, "greater than 0"),
    ],
)
def test_refuses_what_does_not_go_together(wrong, message):
    with pytest.raises(ValidationError) as caught:
        ImageClassifierSettings(**wrong)
    assert message in str(caught.value)


def test_defaults_that_are_written_down_do_no_harm():
    defaults = ImageClassifierSettings().model_dump(exclude={"model_dir", "keras"})
    assert ImageClassifierSettings(**defaults, model_dir="m").model_dir == "m"
    assert ImageClassifierSettings(**defaults, keras=KERAS).library == "keras"


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        ({}, (256, 224)),
        ({"crop": 299}, (342, 299)),
        ({"crop": 96, "resize": 96}, (96, 96)),
        ({"resize": 100}, (224, 224)),
    ],
)
def test_images_are_resized_to_a_little_more_than_the_crop(given, sizes):
    preset = KerasNetwork(uri="n.keras", normalization="caffe", **given).preset(None)
    assert (preset.resize, preset.crop) == sizes
    assert (preset.channels, preset.std) == ("BGR", (1 / 255,) * 3)
