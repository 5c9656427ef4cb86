"""Real files of every format with bytes changed, cut out, or taken from another: pixels or a sentence."""

import contextlib
import io
import struct
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from deployments.contracts import EncodedImage, ImagePreset, PreparedImage
from deployments.errors import InvalidImage
from deployments.preprocess.decoding import FORMATS
from deployments.preprocess.preparation import Preprocessor
from deployments.preprocess.settings import PreprocessSettings

pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\.")

# So small that the files are decoded at a half, a quarter and an eighth.
PRESET = ImagePreset(5, 4, "bilinear", (0.5,) * 3, (0.5,) * 3)
PREPROCESSOR = Preprocessor(PreprocessSettings(max_image_pixels=1_000_000), PRESET)
EXIF = Image.Exif()
EXIF[0x0112] = 6
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def picture(width, height, mode="RGB"):
    noise = np.random.default_rng(3).integers(0, 40, (height, width, 3))
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray((np.stack([x * 2, y * 2, x + y], axis=-1) % 200 + noise).astype(np.uint8)).convert(mode)


def encoded(kind, mode="RGB", size=(61, 53), **options):
    file = io.BytesIO()
    picture(*size, mode).save(file, kind, **options)
    return file.getvalue()


def animated(kind, **options):
    """A file whose second picture is the first one turned."""
    return encoded(kind, save_all=True, append_images=[picture(61, 53).rotate(180)], **options)


def tiled_tiff():
    """A TIFF of four tiles, which Pillow itself does not write, of bytes as they are."""
    pixels = np.asarray(picture(32, 32))
    tiles = [pixels[y : y + 16, x : x + 16].tobytes() for y in (0, 16) for x in (0, 16)]
    tags = [
        (256, 3, [32]), (257, 3, [32]), (258, 3, [8, 8, 8]), (259, 3, [1]), (262, 3, [2]), (277, 3, [3]),
        (322, 3, [16]), (323, 3, [16]), (324, 4, []), (325, 4, [len(tile) for tile in tiles]),
    ]  # fmt: skip
    begin = 8 + 2 + 12 * len(tags) + 4
    beyond = b""
    starts = begin + 6 + 16 + 16
    entries = b""
    for tag, kind, values in tags:
        numbers = values or [starts + number * len(tiles[0]) for number in range(len(tiles))]
        content = struct.pack(f"<{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        if len(content) > 4:
            place, beyond = begin + len(beyond), beyond + content
            content = struct.pack("<I", place)
        entries += struct.pack("<HHI", tag, kind, len(numbers)) + content.ljust(4, b"\0")
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + beyond + b"".join(tiles)


SEEDS = [
    encoded("JPEG"),
    encoded("JPEG", size=(26, 21), exif=EXIF),
    encoded("JPEG", size=(45, 40), exif=EXIF, subsampling=1),
    encoded("JPEG", progressive=True, exif=EXIF),
    encoded("JPEG", progressive=True, subsampling=0),
    encoded("JPEG", "L"),
    encoded("JPEG", "CMYK"),
    encoded("JPEG", restart_marker_blocks=2),
    encoded("JPEG", icc_profile=PROFILE, comment=b"a comment"),
    animated("MPO"),
    encoded("PNG"),
    encoded("PNG", "P"),
    encoded("PNG", "P", transparency=3, bits=4),
    encoded("PNG", "1"),
    encoded("PNG", "LA"),
    encoded("PNG", "RGBA", exif=EXIF, icc_profile=PROFILE),
    encoded("PNG", "I;16"),
    animated("PNG"),
    encoded("WEBP", exif=EXIF, icc_profile=PROFILE),
    encoded("WEBP", "RGBA", lossless=True),
    animated("WEBP"),
    encoded("GIF", "L", interlace=1),
    encoded("GIF", "P", transparency=2),
    animated("GIF", disposal=2),
    encoded("BMP"),
    encoded("BMP", "P"),
    encoded("BMP", "1"),
    encoded("BMP", "RGBA"),
    encoded("TIFF"),
    encoded("TIFF", compression="tiff_lzw"),
    encoded("TIFF", compression="tiff_adobe_deflate"),
    encoded("TIFF", compression="jpeg"),
    encoded("TIFF", compression="zstd"),
    encoded("TIFF", compression="lzma"),
    encoded("TIFF", "1", compression="group3"),
    encoded("TIFF", "1", compression="group4"),
    encoded("TIFF", "CMYK", compression="packbits"),
    encoded("TIFF", "LAB"),
    encoded("TIFF", "I;16"),
    encoded("TIFF", "P", big_tiff=True, exif=EXIF),
    animated("TIFF", compression="tiff_lzw"),
    tiled_tiff(),
]


def others():
    """Files of the formats that Pillow writes and we refuse: their damage must not reach a decoder."""
    Image.init()
    found = []
    for kind in sorted(Image.SAVE.keys() - {*FORMATS, "MPO"}):
        for mode in ("RGB", "L", "1", "RGBA"):
            with contextlib.suppress(OSError, ValueError, KeyError):
                found.append(encoded(kind, mode))
                break
    return found


OTHERS = others()
ANY = st.sampled_from(SEEDS + OTHERS)

# Of the processor: whatever a file of a few kilobytes and a megapixel at the most says, it is done with soon.
MOST_SECONDS = 2


def check(content):
    started = time.process_time()
    result = PREPROCESSOR.prepare(EncodedImage(bytes(content))).result
    assert time.process_time() - started < MOST_SECONDS
    if isinstance(result, InvalidImage):
        assert result.message.endswith(".")
        assert result.message != "The image cannot be decoded."  # the last resort, which nothing should reach
    else:
        assert isinstance(result, PreparedImage)
        assert result.pixels.shape == (4, 4, 3)


def test_undamaged_files_are_prepared():
    for seed in SEEDS:
        assert isinstance(PREPROCESSOR.prepare(EncodedImage(seed)).result, PreparedImage)
    assert {Image.open(io.BytesIO(seed)).format for seed in SEEDS} == {*FORMATS, "MPO"}


def test_undamaged_files_of_other_formats_are_refused():
    assert len(OTHERS) > 10
    for other in OTHERS:
        assert isinstance(PREPROCESSOR.prepare(EncodedImage(other)).result, InvalidImage)


@given(
    seed=ANY,
    changes=st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), min_size=1, max_size=20),
)
@settings(max_examples=400, deadline=None)
def test_changed_bytes(seed, changes):
    content = bytearray(seed)
    for place, value in changes:
        content[place % len(content)] = value
    check(content)


@given(seed=ANY, place=st.integers(0, 700), value=st.integers(0, 255))
@settings(max_examples=400, deadline=None)
def test_a_changed_header(seed, place, value):
    content = bytearray(seed)
    content[place % len(content)] = value
    check(content)


@given(
    first=ANY,
    second=ANY,
    places=st.tuples(*[st.floats(0, 1)] * 3),
)
@settings(max_examples=400, deadline=None)
def test_parts_of_one_file_in_another(first, second, places):
    cut, begin, end = (
        int(place * length) for place, length in zip(places, [len(first)] + [len(second)] * 2, strict=True)
    )
    check(first[:cut] + second[min(begin, end) : max(begin, end)] + first[cut:])
    check(first[:cut] + second[begin:])


@given(seed=ANY, begin=st.floats(0, 1), length=st.integers(1, 4000))
@settings(max_examples=300, deadline=None)
def test_missing_parts(seed, begin, length):
    start = int(begin * len(seed))
    check(seed[:start] + seed[start + length :])
    check(seed[:start])
