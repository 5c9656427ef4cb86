import tracemalloc

import numpy as np
import pytest
from PIL import Image

from deployments.contracts import ImagePreset
from deployments.preprocess.decoding import decode
from deployments.preprocess.transforms import prepare

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def preset_of(resize, crop, interpolation="bilinear"):
    return ImagePreset(resize, crop, interpolation, MEAN, STD)


def picture(width, height):
    """Smooth areas and noise, which shows any shift of a filter."""
    random = np.random.default_rng(width * 10_007 + height)
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([x * 199 // width, y * 199 // height, (x + y) % 200], axis=-1)
    return Image.fromarray((smooth + random.integers(0, 56, (height, width, 1))).astype(np.uint8))


def torchvision_pixels(image, preset):
    """(crop, crop, 3) uint8 as torchvision's own preset makes them before it normalizes."""
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms._presets import ImageClassification

    transform = ImageClassification(
        crop_size=preset.crop,
        resize_size=preset.resize,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        interpolation=InterpolationMode(preset.interpolation),
    )
    return (transform(image) * 255).round().byte().permute(1, 2, 0).numpy()


def assert_equal(image, preset):
    ours, theirs = prepare(image, preset), torchvision_pixels(image, preset)
    assert ours.dtype == np.uint8
    assert ours.shape == (preset.crop, preset.crop, 3)
    np.testing.assert_array_equal(ours, theirs)


SIZES = [
    (1, 1), (1, 2), (2, 1), (3, 3), (223, 224), (224, 224), (256, 256), (256, 400), (400, 256), (257, 256),
    (232, 999), (500, 375), (375, 500), (640, 427), (333, 1000), (1001, 777), (100, 37), (2000, 1333), (34, 900),
]  # fmt: skip


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("resize", "crop"), [(256, 224), (232, 224), (235, 224), (384, 384)])
def test_equals_torchvision(size, interpolation, resize, crop):
    assert_equal(picture(*size), preset_of(resize, crop, interpolation))


def test_equals_torchvision_on_any_size():
    random = np.random.default_rng(0)
    for width, height in random.integers(40, 500, (40, 2)):
        assert_equal(picture(width, height), preset_of(232, 224))


def test_equals_torchvision_on_photos(photos):
    for path in photos[::4]:
        assert_equal(decode(path.read_bytes(), 64_000_000), preset_of(232, 224))


@pytest.mark.parametrize("size", [(10, 2000), (2000, 10), (40, 3001), (300, 20_000), (20_000, 300)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_comes_close_to_torchvision_on_long_images(size, interpolation):
    preset = preset_of(256, 224, interpolation)
    ours, theirs = prepare(picture(*size), preset), torchvision_pixels(picture(*size), preset)
    difference = np.abs(ours.astype(int) - theirs)
    assert difference.mean() < 0.5
    assert difference.max() <= 16


def test_nearest_takes_over_colours():
    image = picture(500, 375)
    colours = {tuple(pixel) for pixel in np.asarray(image).reshape(-1, 3)}
    square = prepare(image, preset_of(256, 224, "nearest"))
    assert {tuple(pixel) for pixel in square.reshape(-1, 3)} <= colours


@pytest.mark.parametrize("size", [(1, 60_000), (60_000, 1)])
def test_a_thread_of_pixels_takes_little_memory(size):
    tracemalloc.start()
    assert prepare(Image.new("RGB", size, "red"), preset_of(256, 224)).shape == (224, 224, 3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
