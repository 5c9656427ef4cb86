"""What is particular about JPEG: scans, sampling, 12 bits, what stands behind the image."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from deployments.errors import InvalidImage
from deployments.preprocess.decoding import decode, decode_scaled
from deployments.preprocess.jpeg import MAX_SCANS

LIMIT = 64_000_000
TO_EIGHTHS = {8: 64}


def picture(width=80, height=72):
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 3, y * 3, (x + y) % 200], axis=-1).astype(np.uint8))


def jpeg(image=None, **options):
    file = io.BytesIO()
    (image or picture()).save(file, "JPEG", **({"quality": 90} | options))
    return file.getvalue()


def with_scans(content, count):
    """The image with so many scans more, each of a header and nothing else."""
    start = content.rindex(b"\xff\xda")
    (length,) = struct.unpack(">H", content[start + 2 : start + 4])
    return content[:-2] + content[start : start + 2 + length] * count + content[-2:]


def non_interleaved(content):
    """Claim that the first scan holds the first component only, so that others must follow."""
    start = content.index(b"\xff\xda")
    return content[:start] + b"\xff\xda\0\x08\1\1\0\0?\0" + content[start + 14 :]


@pytest.mark.parametrize("least", [{}, TO_EIGHTHS])
@pytest.mark.parametrize("content", [jpeg(progressive=True), non_interleaved(jpeg())], ids=["progressive", "separate"])
def test_refuses_more_scans_than_any_encoder_writes(content, least):
    with pytest.raises(InvalidImage, match="more than 100 scans"):
        decode_scaled(with_scans(content, MAX_SCANS + 1), LIMIT, least)


def test_takes_the_scans_of_encoders():
    content = jpeg(progressive=True)
    added = with_scans(content, MAX_SCANS - content.count(b"\xff\xda"))
    assert decode(added, LIMIT).size == (80, 72)


def test_a_thumbnail_hides_no_scans():
    thumbnail = b"Exif\0\0MM\0*\0\0\0\x08\0\0" + jpeg(picture(16, 16))
    content = with_scans(jpeg(progressive=True, exif=thumbnail), MAX_SCANS + 1)
    with pytest.raises(InvalidImage, match="more than 100 scans"):
        decode(content, LIMIT)


@pytest.mark.parametrize("least", [{}, TO_EIGHTHS])
def test_a_video_behind_a_photo_is_no_part_of_it(least):
    """Phones write them so, and among megabytes of anything there is any marker."""
    content = jpeg()
    whole = decode_scaled(content, LIMIT, least)
    followed = decode_scaled(content + b"\xff\xda\0\1ftypmp42" * 500, LIMIT, least)
    np.testing.assert_array_equal(np.asarray(followed.image), np.asarray(whole.image))


@pytest.mark.parametrize("least", [{}, TO_EIGHTHS])
def test_the_first_of_several_images_counts(least):
    file = io.BytesIO()
    picture().save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (80, 72), "red")], quality=90)
    expected = decode_scaled(jpeg(), LIMIT, least)
    np.testing.assert_array_equal(
        np.asarray(decode_scaled(file.getvalue(), LIMIT, least).image), np.asarray(expected.image)
    )


@pytest.mark.parametrize("least", [{}, TO_EIGHTHS])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_refuses_a_truncated_image(share, progressive, least):
    noise = np.random.default_rng(0).integers(0, 256, (72, 80, 3), dtype=np.uint8)
    content = jpeg(Image.fromarray(noise), progressive=progressive)
    with pytest.raises(InvalidImage, match="truncated"):
        decode_scaled(content[: int(len(content) * share)], LIMIT, least)


@pytest.mark.parametrize("least", [{}, TO_EIGHTHS])
def test_refuses_12_bits(least):
    content = bytearray(jpeg())
    content[content.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(InvalidImage):
        decode_scaled(bytes(content), LIMIT, least)


@pytest.mark.parametrize("least", [{}, TO_EIGHTHS])
def test_refuses_a_bomb_by_its_header(least):
    content = bytearray(jpeg())
    start = content.index(b"\xff\xc0") + 5
    content[start : start + 4] = struct.pack(">HH", 9_000, 9_001)
    with pytest.raises(InvalidImage, match="9001 x 9000 pixels, more than"):
        decode_scaled(bytes(content), LIMIT, least)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_every_sampling_keeps_its_colours(subsampling):
    image = Image.new("RGB", (72, 80), (200, 30, 60))
    decoded = decode_scaled(jpeg(image, subsampling=subsampling), LIMIT, {2: 36, 4: 36, 8: 36})
    assert decoded.factor == (4 if subsampling == "4:2:2" else 8)
    assert np.abs(np.asarray(decoded.image).astype(int) - (200, 30, 60)).max() <= 3


def test_inverted_printing_colours_are_told_by_adobes_marker():
    colours = Image.new("RGB", (80, 72), (200, 30, 60)).convert("CMYK")
    decoded = decode_scaled(jpeg(colours, quality=95), LIMIT, TO_EIGHTHS)
    assert decoded.factor == 8
    assert np.abs(np.asarray(decoded.image).astype(int) - (200, 30, 60)).max() < 8
