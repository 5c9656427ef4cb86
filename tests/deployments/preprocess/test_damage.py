"""Real files of every format with bytes changed, cut out, or taken from another: pixels or a sentence."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deployments.contracts import EncodedImage, ImagePreset, PreparedImage
from deployments.errors import InvalidImage
from deployments.preprocess.preparation import Preprocessor
from deployments.preprocess.settings import PreprocessSettings

pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\.")

# So small that the files are decoded at a half, a quarter and an eighth.
PRESET = ImagePreset(5, 4, "bilinear", (0.5,) * 3, (0.5,) * 3)
PREPROCESSOR = Preprocessor(PreprocessSettings(max_image_pixels=1_000_000), PRESET)
EXIF = Image.Exif()
EXIF[0x0112] = 6


def picture(width, height, mode="RGB"):
    noise = np.random.default_rng(3).integers(0, 40, (height, width, 3))
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray((np.stack([x * 2, y * 2, x + y], axis=-1) % 200 + noise).astype(np.uint8)).convert(mode)


def encoded(kind, mode="RGB", size=(61, 53), **options):
    file = io.BytesIO()
    picture(*size, mode).save(file, kind, **options)
    return file.getvalue()


SEEDS = [
    encoded("JPEG"),
    encoded("JPEG", size=(26, 21), exif=EXIF),
    encoded("JPEG", size=(45, 40), exif=EXIF, subsampling=1),
    encoded("JPEG", progressive=True, exif=EXIF),
    encoded("JPEG", progressive=True, subsampling=0),
    encoded("JPEG", "L"),
    encoded("JPEG", "CMYK"),
    encoded("JPEG", restart_marker_blocks=2),
    encoded("MPO", save_all=True, append_images=[picture(61, 53)]),
    encoded("PNG"),
    encoded("PNG", "P"),
    encoded("WEBP", exif=EXIF),
    encoded("WEBP", "RGBA", lossless=True),
    encoded("GIF", save_all=True, append_images=[picture(61, 53).rotate(180)]),
    encoded("BMP", "P"),
    encoded("TIFF", compression="tiff_lzw"),
    encoded("TIFF", compression="tiff_adobe_deflate"),
    encoded("TIFF", compression="jpeg"),
    encoded("TIFF", "1", compression="group4"),
    encoded("TIFF", "CMYK", compression="packbits"),
]


def check(content):
    result = PREPROCESSOR.prepare(EncodedImage(bytes(content))).result
    if isinstance(result, InvalidImage):
        assert result.message.endswith(".")
        assert result.message != "The image cannot be decoded."  # the last resort, which nothing should reach
    else:
        assert isinstance(result, PreparedImage)
        assert result.pixels.shape == (4, 4, 3)


def test_undamaged_files_are_prepared():
    for seed in SEEDS:
        assert isinstance(PREPROCESSOR.prepare(EncodedImage(seed)).result, PreparedImage)


@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), min_size=1, max_size=20),
)
@settings(max_examples=400, deadline=None)
def test_changed_bytes(seed, changes):
    content = bytearray(seed)
    for place, value in changes:
        content[place % len(content)] = value
    check(content)


@given(seed=st.sampled_from(SEEDS), place=st.integers(0, 700), value=st.integers(0, 255))
@settings(max_examples=400, deadline=None)
def test_a_changed_header(seed, place, value):
    content = bytearray(seed)
    content[place % len(content)] = value
    check(content)


@given(
    first=st.sampled_from(SEEDS),
    second=st.sampled_from(SEEDS),
    places=st.tuples(*[st.floats(0, 1)] * 3),
)
@settings(max_examples=400, deadline=None)
def test_parts_of_one_file_in_another(first, second, places):
    cut, begin, end = (
        int(place * length) for place, length in zip(places, [len(first)] + [len(second)] * 2, strict=True)
    )
    check(first[:cut] + second[min(begin, end) : max(begin, end)] + first[cut:])
    check(first[:cut] + second[begin:])


@given(seed=st.sampled_from(SEEDS), begin=st.floats(0, 1), length=st.integers(1, 4000))
@settings(max_examples=300, deadline=None)
def test_missing_parts(seed, begin, length):
    start = int(begin * len(seed))
    check(seed[:start] + seed[start + length :])
    check(seed[:start])
