import pytest
from pydantic import ValidationError

from deployments.image_classifier.settings import ImageClassifierSettings


def test_every_setting_is_described():
    assert all(field.description for field in ImageClassifierSettings.model_fields.values())


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
