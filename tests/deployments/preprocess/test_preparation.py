import io
import pickle

import numpy as np
import pytest
from PIL import Image

from deployments.contracts import EncodedImage, ImagePreset, PixelImage, PreparedImage
from deployments.errors import InvalidImage
from deployments.preprocess.preparation import Preprocessor
from deployments.preprocess.settings import PreprocessSettings

PRESET = ImagePreset(256, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def png(size):
    file = io.BytesIO()
    Image.new("RGB", size, (10, 20, 30)).save(file, "PNG")
    return file.getvalue()


def test_prepares_an_image():
    outcome = Preprocessor(PreprocessSettings(), PRESET).prepare(EncodedImage(png((1, 1)), top_k=7))
    assert isinstance(outcome.result, PreparedImage)
    assert outcome.result.top_k == 7
    np.testing.assert_array_equal(outcome.result.pixels, np.full((224, 224, 3), (10, 20, 30)))
    assert set(outcome.seconds) == {"decode"}
    assert 0 < outcome.seconds["decode"] < 5


def test_the_result_travels():
    outcome = Preprocessor(PreprocessSettings(), PRESET).prepare(EncodedImage(png((30, 20))))
    travelled = pickle.loads(pickle.dumps(outcome))  # noqa: S301
    np.testing.assert_array_equal(travelled.result.pixels, outcome.result.pixels)


def test_an_error_stays_with_its_image():
    preprocessor = Preprocessor(PreprocessSettings(), PRESET)
    outcome = preprocessor.prepare(EncodedImage(b"no image"))
    assert isinstance(outcome.result, InvalidImage)
    assert set(outcome.seconds) == {"decode"}
    assert isinstance(preprocessor.prepare(EncodedImage(png((9, 9)))).result, PreparedImage)


def test_the_limit_is_the_settings_one():
    preprocessor = Preprocessor(PreprocessSettings(max_image_pixels=99), PRESET)
    assert "more than the 99 that are allowed" in str(preprocessor.prepare(EncodedImage(png((10, 10)))).result)


def test_a_decoder_that_fails_in_a_way_unknown_is_that_images_error(monkeypatch, caplog):
    def fail(*_):
        raise KeyError("tag")

    monkeypatch.setattr("deployments.preprocess.preparation.decode_scaled", fail)
    result = Preprocessor(PreprocessSettings(), PRESET).prepare(EncodedImage(png((9, 9)))).result
    assert isinstance(result, InvalidImage)
    assert result.message == "The image cannot be decoded."
    assert "KeyError" in caplog.text


def test_pixels_pass_as_they_are():
    pixels = np.random.default_rng(7).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    image = pickle.loads(pickle.dumps(PixelImage(pixels.tobytes(), 224, 224, 5, 7)))  # noqa: S301
    outcome = Preprocessor(PreprocessSettings(), PRESET).prepare(image)
    np.testing.assert_array_equal(outcome.result.pixels, pixels)
    assert (outcome.result.top_k, outcome.result.explain) == (5, 7)


@pytest.mark.parametrize(
    "image",
    [
        PixelImage(bytes(3), 1, 1),
        PixelImage(bytes(224 * 224 * 3), 112, 448),
        PixelImage(bytes(224 * 224 * 3 - 1), 224, 224),
    ],
)
def test_pixels_of_another_size_are_refused(image):
    result = Preprocessor(PreprocessSettings(), PRESET).prepare(image).result
    assert isinstance(result, InvalidImage)
    assert "224 x 224 x 3" in result.message
