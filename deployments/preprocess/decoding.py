"""The bytes of an image file become pixels, whatever the file holds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

import numpy as np

# Imported for the formats that they register, at once: Pillow would load all its plugins when it first meets one.
from PIL import (
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,
    MpoImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from deployments.errors import InvalidImage
from deployments.preprocess.jpeg import limit_scans, shrink

# MPO, which phones send, opens as JPEG.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")

ORIENTATION = 0x0112
TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

SIDEWAYS = {
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
}

# Where the first pixel of the file comes to lie: whether on the right, whether at the bottom.
CORNERS = {
    Image.Transpose.FLIP_LEFT_RIGHT: (True, False),
    Image.Transpose.ROTATE_180: (True, True),
    Image.Transpose.FLIP_TOP_BOTTOM: (False, True),
    Image.Transpose.TRANSPOSE: (False, False),
    Image.Transpose.ROTATE_270: (True, False),
    Image.Transpose.TRANSVERSE: (True, True),
    Image.Transpose.ROTATE_90: (False, True),
}

# Set once and never changed, since threads decode side by side: Pillow's warnings, about damaged metadata mostly, would
# let clients fill the log.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True, slots=True)
class Decoded:
    """An image, perhaps at a fraction of its size.

    Attributes:
        image: in mode RGB, upright.
        factor: each pixel is the mean of factor x factor pixels of the file; 1, 2, 4 or 8.
        size: width and height of the file's image, upright.
        start: left and top edge of the first pixel in the file's image, upright: 0, or less where a turn has brought
            pixels there that the file's image does not fill.
    """

    image: Image.Image
    factor: int
    size: tuple[int, int]
    start: tuple[int, int]


def decode(content: bytes, max_pixels: int) -> Image.Image:
    """Decode the first frame of a JPEG, PNG, WebP, GIF, BMP or TIFF file, upright.

    Args:
        content: the file.
        max_pixels: width x height at the most, compared before anything is decoded.

    Returns:
        An image in mode RGB. Alpha is dropped as `Image.convert("RGB")` drops it, samples of 16 bits keep their
        upper 8.

    Raises:
        InvalidImage: no such file, damaged, over the limit, or in a pixel format that cannot be shown as RGB.
    """
    return decode_scaled(content, max_pixels, {}).image


def decode_scaled(content: bytes, max_pixels: int, least: Mapping[int, int]) -> Decoded:
    """Decode as `decode` does; a large JPEG at a half, a quarter or an eighth of its size.

    Args:
        content: the file.
        max_pixels: width x height of the whole image at the most.
        least: the least shorter side, in pixels, of an image whose size may be divided by 2, 4 or 8, for each of them;
            empty to decode every image whole.

    Raises:
        InvalidImage: as for `decode`.
    """
    image = _opened(content, max_pixels)
    _check_size(image, max_pixels)
    size, factor = image.size, 1
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        limit_scans(image, content)
        factor = shrink(image, least)
        # In one piece: with its usual 64 KB the decoder takes its slower path at the end of each.
        image.decodermaxblock = len(content)
    _load(image)
    orientation = _orientation(image)
    return _turned(_rgb(image), orientation, factor, size)


def _opened(content: bytes, max_pixels: int) -> Image.Image:
    """Read the header only; of a GIF also its first frame's, for which Pillow takes memory at once."""
    if not content:
        raise InvalidImage("The image is empty.")
    _lift_pillows_limit(max_pixels)
    try:
        return Image.open(BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError:
        raise InvalidImage(f"The image has more than the {max_pixels:,} pixels that are allowed.") from None
    except UnidentifiedImageError:
        raise InvalidImage("The content is not a JPEG, PNG, WebP, GIF, BMP or TIFF image that can be read.") from None
    except Exception:  # noqa: BLE001 - on a hostile file Pillow raises nearly anything
        raise InvalidImage("The header of the image is damaged.") from None


def _lift_pillows_limit(max_pixels: int) -> None:
    """Let Pillow open what we allow; it refuses what has more than twice its own limit, one for the whole process."""
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels > 2 * Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = max_pixels


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise InvalidImage(f"The image has {width} x {height} pixels, more than the {max_pixels:,} that are allowed.")
    # A tile may be larger than its image, and is decoded as a whole.
    if isinstance(image, TiffImagePlugin.TiffImageFile) and _tile_pixels(image) > max(max_pixels, 1024 * 1024):
        raise InvalidImage(f"The image has tiles of more than the {max_pixels:,} pixels that are allowed.")


def _tile_pixels(image: TiffImagePlugin.TiffImageFile) -> int:
    width = image.tag_v2.get(TiffImagePlugin.TILEWIDTH, 0)
    length = image.tag_v2.get(TiffImagePlugin.TILELENGTH, 0)
    try:
        return int(width) * int(length)
    except (TypeError, ValueError, OverflowError):  # a tag may hold anything
        raise InvalidImage("The header of the image is damaged.") from None


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except MemoryError:
        raise InvalidImage("The image takes more memory than there is.") from None
    except Exception:  # noqa: BLE001 - on a hostile file Pillow raises nearly anything
        raise InvalidImage("The image is truncated or damaged.") from None


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    try:
        if image.mode.startswith("I;16"):
            return _from_16_bits(image).convert("RGB")
        if image.mode not in {"I", "F"}:  # 32 bits a sample, of no known range
            return image.convert("RGB")
    except Exception:  # noqa: BLE001, S110 - as any other pixel format that Pillow cannot convert
        pass
    raise InvalidImage(f"The image has pixels of the format {image.mode}, which is not supported.")


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Keep the upper 8 bits, as Pillow does for colours of 16 bits; its own conversion of greys clips."""
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    (bits,) = tags.get(TiffImagePlugin.BITSPERSAMPLE, (16,))
    return Image.fromarray((np.asarray(image) >> (bits - 8)).astype(np.uint8))


def _orientation(image: Image.Image) -> int:
    """How the camera was held; read after loading, since metadata may follow the pixels."""
    try:
        orientation = image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - an image with damaged metadata is still an image
        return 1
    return orientation if isinstance(orientation, int) else 1


def _turned(image: Image.Image, orientation: int, factor: int, size: tuple[int, int]) -> Decoded:
    transposition = TRANSPOSITIONS.get(orientation)
    if transposition is None:
        return Decoded(image, factor, size, (0, 0))
    upright = image.transpose(transposition)
    width, height = size[::-1] if transposition in SIDEWAYS else size
    right, bottom = CORNERS[transposition]
    start = (width - upright.width * factor) * right, (height - upright.height * factor) * bottom
    return Decoded(upright, factor, (width, height), start)
