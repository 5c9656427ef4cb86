import pytest
from pydantic import ValidationError

from deployments.image_classifier.settings import ImageClassifierSettings


def test_every_setting_is_described():
    assert all(field.description for field in ImageClassifierSettings.model_fields.values())


@pytest.mark.parametrize("gpus", ["auto", 0, 0.25, 1])
def test_takes_shares_of_gpus(gpus):
    assert ImageClassifierSettings(gpus=gpus).gpus == gpus


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
        {"archtecture": "x"},
    ],
)
def test_refuses_wrong_settings(wrong):
    with pytest.raises(ValidationError):
        ImageClassifierSettings(**wrong)
