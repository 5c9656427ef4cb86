"""An image decoded at a fraction of its size gives nearly the pixels of the whole."""

import io

import numpy as np
import pytest
from PIL import Image

from deployments.contracts import EncodedImage, ImagePreset
from deployments.preprocess.decoding import decode, decode_scaled
from deployments.preprocess.preparation import Preprocessor
from deployments.preprocess.reduction import Axis, matrix, resize_square
from deployments.preprocess.settings import PreprocessSettings
from deployments.preprocess.transforms import least_shorter_sides, prepare, prepare_scaled

LIMIT = 64_000_000
EVERY_SIZE = {2: 1, 4: 1, 8: 1}


def preset_of(resize=58, interpolation="bilinear"):
    return ImagePreset(resize, 56, interpolation, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def waves(width, height):
    """A picture of slow and quick waves, as fine as a camera's lens leaves them, and sharp edges."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    layers = [
        128 + 60 * np.sin(x / 37 + y / 59) + 30 * np.sin(x / 11),
        110 + 70 * np.cos(y / 23) + 25 * np.sin((x - y) / 13),
        90 + 90 * ((x // 97 + y // 71) % 2),
    ]
    return Image.fromarray(np.clip(np.stack(layers, axis=-1), 0, 255).astype(np.uint8))


def jpeg(image, **options):
    file = io.BytesIO()
    image.save(file, "JPEG", **({"quality": 92, "subsampling": 0} | options))
    return file.getvalue()


def axis_of(length, factor, resized, offset=0, crop=None, **options):
    return Axis(
        cells=-(-length // factor),
        factor=factor,
        length=length,
        resized=resized,
        offset=offset,
        crop=crop or resized - offset,
        **({"start": 0, "interpolation": "bilinear"} | options),
    )


def whole_and_scaled(content, preset):
    whole = prepare(decode(content, LIMIT), preset)
    decoded = decode_scaled(content, LIMIT, least_shorter_sides(preset))
    return whole.astype(int), prepare_scaled(decoded, preset).astype(int), decoded


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("length", [600, 601, 607])
@pytest.mark.parametrize("resized", [58, 70])
def test_weights_keep_brightness_and_places(interpolation, length, resized):
    axis = axis_of(length, 8, resized, interpolation=interpolation)
    weights = matrix(axis)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-12)
    middles = np.arange(axis.cells) * 8 + 4
    wanted = (np.arange(resized) + 0.5) * length / resized
    inside = slice(8, -8)  # a ramp ends at the edges
    np.testing.assert_allclose((weights @ middles)[inside], wanted[inside], atol=0.2)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_one_colour_stays_what_it_is(factor):
    cells = np.full((75, 75, 3), (7, 130, 255), np.uint8)
    axis = axis_of(75 * factor, factor, 58, 1, 56)
    np.testing.assert_array_equal(resize_square(cells, axis, axis), np.full((56, 56, 3), (7, 130, 255)))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("width", "height"), [(600, 600), (750, 605), (611, 749)])
def test_exact_means_give_the_pixels_of_the_whole(width, height, interpolation):
    image = waves(width, height)
    padded = np.pad(np.asarray(image, float), ((0, -height % 8), (0, -width % 8), (0, 0)), "edge")
    means = padded.reshape(-(-height // 8), 8, -(-width // 8), 8, 3).mean(axis=(1, 3)).round().astype(np.uint8)
    shorter = min(width, height)
    resized = [58 * side // shorter for side in (width, height)]
    horizontal, vertical = (
        axis_of(side, 8, to, round((to - 56) / 2), 56, interpolation=interpolation)
        for side, to in zip((width, height), resized, strict=True)
    )
    difference = np.abs(
        resize_square(means, vertical, horizontal) - prepare(image, preset_of(58, interpolation)).astype(int)
    )
    assert difference.mean() < 0.8
    assert np.quantile(difference, 0.99) <= 8  # edges between black and white, within a cell


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 2}])
@pytest.mark.parametrize(("size", "factor"), [((330, 240), 2), ((475, 530), 4), ((640, 751), 8)])
def test_scaled_comes_close_to_whole(size, factor, options):
    whole, scaled, decoded = whole_and_scaled(jpeg(waves(*size), **options), preset_of())
    assert decoded.factor == factor
    assert np.abs(whole - scaled).mean() < 1.2


def test_colour_that_is_coarser_across_than_down_is_decoded_at_a_quarter():
    whole, scaled, decoded = whole_and_scaled(jpeg(waves(640, 751), subsampling=1), preset_of())
    assert decoded.factor == 4
    assert np.abs(whole - scaled).mean() < 1.2


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_greys_and_printing_colours_are_scaled(mode):
    file = io.BytesIO()
    waves(650, 640).convert(mode).save(file, "JPEG", quality=92)
    whole, scaled, decoded = whole_and_scaled(file.getvalue(), preset_of())
    assert decoded.factor == 8
    assert decoded.image.mode == "RGB"
    assert np.abs(whole - scaled).mean() < 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(644, 633), (629, 650)])
def test_turned_images_lie_where_the_whole_lies(orientation, size):
    """Sides that are no multiples of 8: after a turn the cell that is not full comes first."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    whole, scaled, decoded = whole_and_scaled(jpeg(waves(*size), exif=exif), preset_of())
    assert decoded.factor == 8
    assert decoded.size == (size if orientation < 5 else size[::-1])
    assert np.abs(whole - scaled).mean() < 0.8
    shifted = np.abs(np.roll(whole, 1, axis=0) - scaled).mean(), np.abs(np.roll(whole, 1, axis=1) - scaled).mean()
    assert min(shifted) > 2


def test_small_images_equal_the_whole_to_the_pixel():
    whole, scaled, decoded = whole_and_scaled(jpeg(waves(260, 231)), preset_of())
    assert decoded.factor == 1
    np.testing.assert_array_equal(whole, scaled)


@pytest.mark.parametrize(("shorter", "factor"), [(231, 1), (232, 2), (463, 2), (464, 4), (626, 4), (627, 8), (4000, 8)])
def test_the_factor_follows_the_shorter_side(shorter, factor):
    content = jpeg(Image.new("L", (shorter, shorter)), quality=30)
    decoded = decode_scaled(content, LIMIT, least_shorter_sides(preset_of()))
    assert decoded.factor == factor
    assert decoded.image.size == (-(-shorter // factor),) * 2


def test_nearest_is_never_scaled():
    assert least_shorter_sides(preset_of(interpolation="nearest")) == {}


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF"])
def test_other_formats_are_decoded_whole(kind):
    file = io.BytesIO()
    waves(240, 235).save(file, kind)
    assert decode_scaled(file.getvalue(), LIMIT, EVERY_SIZE).factor == 1


def test_the_setting_turns_it_off():
    content = EncodedImage(jpeg(waves(660, 640)))
    exact = prepare(decode(content.content, LIMIT), preset_of())
    whole = Preprocessor(PreprocessSettings(scaled_decoding=False), preset_of()).prepare(content).result
    scaled = Preprocessor(PreprocessSettings(), preset_of()).prepare(content).result
    np.testing.assert_array_equal(whole.pixels, exact)
    assert (scaled.pixels != exact).any()
    assert scaled.pixels.flags.c_contiguous


def test_a_thread_uses_its_memory_again():
    cells = np.random.default_rng(0).integers(0, 256, (75, 100, 3), dtype=np.uint8)
    vertical, horizontal = axis_of(600, 8, 58, 1, 56), axis_of(800, 8, 77, 10, 56)
    first = resize_square(cells, vertical, horizontal)
    kept = first.copy()
    resize_square(255 - cells, vertical, horizontal)
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("size", [(630, 9000), (9000, 630)])
def test_long_images_are_scaled(size):
    whole, scaled, decoded = whole_and_scaled(jpeg(Image.effect_noise(size, 50), quality=50), preset_of())
    assert decoded.factor == 8
    assert np.abs(whole - scaled).mean() < 2.5


def test_photos_of_twelve_megapixels_keep_their_pixels(photos):
    for path in photos[:100:20]:
        small = Image.open(path).convert("RGB")
        times = (12e6 / (small.width * small.height)) ** 0.5
        large = small.resize((round(small.width * times), round(small.height * times)), Image.Resampling.BICUBIC)
        preset = ImagePreset(232, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        whole, scaled, decoded = whole_and_scaled(jpeg(large, quality=90, subsampling=2), preset)
        assert decoded.factor == 8
        assert np.abs(whole - scaled).mean() < 0.6
