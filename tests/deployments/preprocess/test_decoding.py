import io
import pickle
import struct
import threading
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from deployments.errors import InvalidImage
from deployments.preprocess.decoding import decode

LIMIT = 64_000_000

# The module silences them for the process, pytest lets them through again.
pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\.")


def gradient(width=60, height=40):
    """An RGB image without two equal corners."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // (width - 1), y * 255 // (height - 1), (x + y) % 256], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8))


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_header(width, height, depth=8, colour=2):
    """A PNG that ends where its pixels would begin."""
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of_16_bits(samples, colour):
    """A PNG of samples (height, width, channels) uint16, which Pillow does not write for colours."""
    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = png_header(width, height, 16, colour)
    return head + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")


def tiff(tags):
    """A little-endian TIFF without pixels; every tag is one LONG."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + b"\0\0\0\0"


def same(image, expected):
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), np.asarray(expected))


@pytest.mark.parametrize(
    ("mode", "kind", "options"),
    [
        ("RGB", "JPEG", {}),
        ("RGB", "JPEG", {"progressive": True}),
        ("RGB", "JPEG", {"subsampling": 2, "quality": 30}),
        ("RGB", "MPO", {"save_all": True, "append_images": [gradient()]}),
        ("CMYK", "JPEG", {}),
        ("L", "JPEG", {}),
        ("1", "PNG", {}),
        ("L", "PNG", {}),
        ("LA", "PNG", {}),
        ("P", "PNG", {}),
        ("P", "PNG", {"transparency": 3}),
        ("P", "PNG", {"transparency": bytes(range(256))}),
        ("RGB", "PNG", {}),
        ("RGBA", "PNG", {}),
        ("RGB", "WEBP", {}),
        ("RGBA", "WEBP", {"lossless": True}),
        ("P", "GIF", {}),
        ("RGB", "GIF", {"save_all": True, "append_images": [Image.new("RGB", (60, 40), "red")]}),
        ("1", "BMP", {}),
        ("P", "BMP", {}),
        ("RGB", "BMP", {}),
        ("1", "TIFF", {"compression": "group4"}),
        ("L", "TIFF", {}),
        ("P", "TIFF", {}),
        ("RGB", "TIFF", {"compression": "tiff_lzw"}),
        ("RGB", "TIFF", {"compression": "jpeg"}),
        ("RGBA", "TIFF", {}),
        ("CMYK", "TIFF", {}),
        ("YCbCr", "TIFF", {}),
    ],
)
def test_decodes_like_convert(mode, kind, options):
    content = encoded(gradient().convert(mode), kind, **options)
    same(decode(content, LIMIT), Image.open(io.BytesIO(content)).convert("RGB"))


def test_adobe_cmyk_keeps_its_colours():
    content = encoded(Image.new("RGB", (16, 16), (200, 30, 60)).convert("CMYK"), "JPEG", quality=95)
    assert np.abs(np.asarray(decode(content, LIMIT)).astype(int) - (200, 30, 60)).max() < 8


@pytest.mark.parametrize(("kind", "order"), [("PNG", "<"), ("TIFF", "<"), ("TIFF", ">")])
def test_greys_of_16_bits_are_scaled(kind, order):
    grey = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    image = Image.frombytes("I;16" if order == "<" else "I;16B", (16, 16), grey.astype(f"{order}u2").tobytes())
    expected = np.repeat((grey // 257).astype(np.uint8)[..., None], 3, axis=-1)
    same(decode(encoded(image, kind), LIMIT), expected)


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4), (4, 2)])
def test_colours_of_16_bits_are_scaled(colour, channels):
    samples = np.random.default_rng(0).integers(0, 65536, (9, 7, channels), dtype=np.uint16)
    expected = (samples >> 8).astype(np.uint8)[..., :3] if channels > 2 else samples[..., [0, 0, 0]] >> 8
    same(decode(png_of_16_bits(samples, colour), LIMIT), expected)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_images_upright(kind, orientation):
    turned = {
        1: [], 2: ["fliplr"], 3: ["fliplr", "flipud"], 4: ["flipud"], 5: ["T"], 6: ["flipud", "T"],
        7: ["fliplr", "flipud", "T"], 8: ["fliplr", "T"],
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    image = decode(encoded(gradient(), kind, exif=exif, **options), LIMIT)
    expected = np.asarray(gradient()).astype(int)
    for step in turned[orientation]:
        expected = expected.transpose(1, 0, 2) if step == "T" else getattr(np, step)(expected)
    assert np.asarray(image).shape == expected.shape
    assert np.abs(np.asarray(image) - expected).mean() < 2


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_ignores_an_orientation_that_does_not_exist(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    same(decode(encoded(gradient(), "PNG", exif=exif), LIMIT), gradient())


def test_ignores_damaged_metadata():
    content = encoded(gradient(), "PNG", exif=b"Exif\0\0MM\0*\0\0\xff\xff")
    same(decode(content, LIMIT), gradient())


def test_takes_one_pixel():
    assert decode(encoded(Image.new("RGB", (1, 1), "red"), "PNG"), LIMIT).size == (1, 1)


@pytest.mark.parametrize(
    "content",
    [
        png_header(50_000, 50_000) + png_chunk(b"IDAT", zlib.compress(bytes(1000))),
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 100, 0, 54, 40, 50_000, 50_000, 1, 24, 0, 0, 0, 0, 0, 0),
        b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) + b",\0\0\0\0\xff\xff\xff\xff\0\2\0;",
        # Pillow fills what the first frame leaves behind, here of 60,000 x 60,000 pixels on a screen of 9 x 9, at once.
        b"GIF89a"
        + struct.pack("<HHBBB", 9, 9, 0x80, 0, 0)
        + bytes(6)
        + b"!\xf9\4\x08\0\0\0\0,"
        + struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0)
        + b"\2\2\x4c\1\0;",
        tiff({256: 50_000, 257: 50_000, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 1}),
    ],
    ids=["PNG", "BMP", "GIF", "GIF frame", "TIFF"],
)
def test_refuses_a_bomb_by_its_header(content):
    tracemalloc.start()
    with pytest.raises(InvalidImage, match=r"^The image has (\d{5} x \d{5} pixels, )?more than the 64,000,000"):
        decode(content, LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000


def test_refuses_tiles_beyond_the_limit():
    tags = {256: 1, 257: 1, 258: 8, 259: 5, 262: 1, 277: 1, 322: 30_000, 323: 30_000, 324: 8, 325: 100}
    with pytest.raises(InvalidImage, match="tiles"):
        decode(tiff(tags), LIMIT)


def test_a_bomb_takes_no_memory_when_it_is_opened(run_python):
    """Memory that Pillow takes for itself is not seen by tracemalloc."""
    code = """
        import struct
        from pathlib import Path
        from deployments.errors import InvalidImage
        from deployments.preprocess.decoding import decode
        frame = struct.pack("<HHHHB", 0, 0, 60_000, 60_000, 0)
        screen = b"GIF89a" + struct.pack("<HHBBB", 9, 9, 0x80, 0, 0) + bytes(6)
        def peak():
            return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
        before = peak()
        try:
            decode(screen + b"!\\xf9\\4\\x08\\0\\0\\0\\0," + frame + b"\\2\\2\\x4c\\1\\0;", 64_000_000)
        except InvalidImage:
            print((peak() - before) // 1024)
    """
    assert int(run_python(code).stdout) < 50


def test_an_image_that_pillow_alone_would_refuse_is_opened_where_it_is_allowed(run_python):
    code = """
        from io import BytesIO
        from PIL import Image
        from deployments.preprocess.decoding import decode
        file = BytesIO()
        Image.new("1", (20_000, 10_000)).save(file, "PNG")
        print(decode(file.getvalue(), 200_000_000).size)
    """
    assert run_python(code).stdout == "(20000, 10000)\n"


@pytest.mark.parametrize("tag", [322, 323])
def test_refuses_tile_sizes_that_are_no_numbers(tag):
    content = bytearray(tiff({256: 9, 257: 9, 258: 8, 259: 5, 262: 1, 277: 1, 322: 16, 323: 16, 324: 8, 325: 100}))
    entry = content.index(struct.pack("<HH", tag, 4))
    content[entry + 2 : entry + 4] = struct.pack("<H", 7)  # bytes of any meaning
    with pytest.raises(InvalidImage, match="header"):
        decode(bytes(content), LIMIT)


def test_refuses_one_pixel_over_the_limit():
    content = encoded(gradient(10, 10), "PNG")
    assert decode(content, 100).size == (10, 10)
    with pytest.raises(InvalidImage, match=r"10 x 10 pixels, more than the 99 "):
        decode(content, 99)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_refuses_a_truncated_image(kind, share):
    noise = np.random.default_rng(1).integers(0, 256, (80, 80, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise), kind)
    with pytest.raises(InvalidImage):
        decode(content[: int(len(content) * share)], LIMIT)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The image is empty."),
        (b"hello", "The content is not a JPEG"),
        (b"%PDF-1.7 ...", "The content is not a JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "The content is not a JPEG"),
        (b"P6 1 1 255 abc", "The content is not a JPEG"),
        (b"\0" * 1000, "The content is not a JPEG"),
        (encoded(gradient(), "JPEG")[:200], "(truncated|damaged)"),
    ],
)
def test_says_what_is_wrong(content, sentence):
    with pytest.raises(InvalidImage, match=sentence) as caught:
        decode(content, LIMIT)
    assert not {"/", "<", "0x", "PIL", "BytesIO"} & set(caught.value.message.split())
    assert pickle.loads(pickle.dumps(caught.value)).message == caught.value.message  # noqa: S301


def test_refuses_pixels_of_no_known_range():
    with pytest.raises(InvalidImage, match="format F, which is not supported"):
        decode(encoded(Image.new("F", (4, 4), 0.5), "TIFF"), LIMIT)


def test_pillow_warns_of_nothing_in_the_log(run_python):
    code = """
        from deployments.preprocess.decoding import decode
        import warnings
        warnings.warn_explicit("Corrupt EXIF data.", UserWarning, "TiffImagePlugin.py", 1, module="PIL.TiffImagePlugin")
    """
    assert run_python(code).stderr == ""


def test_needs_no_torch_and_no_ray(run_python):
    code = """
        import sys
        import deployments.preprocess.preparation, deployments.preprocess.settings
        print({"torch", "torchvision", "ray"} & set(sys.modules))
    """
    assert run_python(code).stdout == "set()\n"


def test_threads_decode_side_by_side():
    content = encoded(gradient(), "PNG")
    damaged = encoded(gradient(), "JPEG")[:-300]
    wrong = []

    def work():
        for _ in range(50):
            if decode(content, LIMIT).size != (60, 40):
                wrong.append("size")
            try:
                decode(damaged, LIMIT)
                wrong.append("damaged")
            except InvalidImage:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


SEEDS = [
    encoded(gradient(24, 16), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"),
    encoded(gradient(24, 16), "JPEG", progressive=True),
    encoded(gradient(24, 16).convert("CMYK"), "JPEG"),
    encoded(gradient(24, 16), "MPO", save_all=True, append_images=[gradient(24, 16)]),
    encoded(gradient(24, 16), "PNG"),
    encoded(gradient(24, 16).convert("P"), "PNG", transparency=bytes(range(256))),
    png_of_16_bits(np.arange(24, dtype=np.uint16).reshape(4, 6, 1), 0),
    encoded(gradient(24, 16), "WEBP"),
    encoded(gradient(24, 16), "GIF", save_all=True, append_images=[Image.new("RGB", (24, 16))]),
    encoded(gradient(24, 16), "BMP"),
    encoded(gradient(24, 16).convert("P"), "BMP"),
    encoded(gradient(24, 16), "TIFF"),
    encoded(gradient(24, 16), "TIFF", compression="tiff_deflate"),
    encoded(gradient(24, 16), "TIFF", compression="jpeg"),
    encoded(gradient(24, 16).convert("1"), "TIFF", compression="group4"),
]


@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 400),
    end=st.binary(max_size=8),
)
@settings(max_examples=400, deadline=None)
def test_a_damaged_file_is_decoded_or_refused(seed, changes, cut, end):
    content = bytearray(seed)
    for position, value in changes:
        content[position % len(content)] = value
    check(bytes(content[: len(content) - cut]) + end)


@given(start=st.sampled_from([seed[:32] for seed in SEEDS]), end=st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_anything_behind_a_header_is_decoded_or_refused(start, end):
    check(start + end)


def check(content):
    try:
        image = decode(content, 1_000_000)
    except InvalidImage as error:
        assert error.message.endswith(".")  # noqa: PT017
    else:
        assert image.mode == "RGB"
