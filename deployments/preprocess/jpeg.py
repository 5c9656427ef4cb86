"""What JPEG files need that others do not: a limit on scans, and decoding at a fraction of the size."""

from __future__ import annotations

from collections.abc import Mapping

from PIL.JpegImagePlugin import JpegImageFile

from deployments.errors import InvalidImage

# A JPEG of many scans is an attack: each, however few bytes it has, passes over the whole image, which takes 7 ms for
# 64 megapixels. Encoders write 10 to 20.
MAX_SCANS = 100

START_OF_SCAN = b"\xff\xda"
FIRST_SEGMENT = 2

# At an eighth each block of 8 x 8 becomes one pixel.
WHOLE_BLOCK = 8


def limit_scans(image: JpegImageFile, content: bytes) -> None:
    """Refuse an image of more than MAX_SCANS scans.

    Raises:
        InvalidImage: it has more.
    """
    start = _first_scan(content)
    components = content[start + 4 : start + 5]
    # With all components in its first scan a sequential image has no other, and what follows it may be a video.
    if "progressive" not in image.info and components == bytes([image.layers]):
        return
    # Coded data has no 0xff without 0 after it; the metadata of other pictures in the file may add a few.
    if content.count(START_OF_SCAN, start) > MAX_SCANS:
        raise InvalidImage(f"The image has more than {MAX_SCANS} scans, which no encoder writes.")


def _first_scan(content: bytes) -> int:
    """Return where the first scan begins, from segment to segment, since a thumbnail in one has scans of its own."""
    position = FIRST_SEGMENT
    while 0 <= (position := content.find(b"\xff", position)) < len(content) - 3:
        marker = content[position + 1]
        if marker == START_OF_SCAN[1]:
            return position
        has_length = 0xC0 <= marker < 0xFF and not 0xD0 <= marker <= 0xD8  # noqa: PLR2004 - the standard's numbers
        position += 2 + int.from_bytes(content[position + 2 : position + 4]) if has_length else 1
    return 0


def shrink(image: JpegImageFile, least: Mapping[int, int]) -> int:
    """Have an image that is not loaded yet decoded at a fraction of its size.

    Args:
        image: opened, not loaded.
        least: the factors by which it may be divided, 2, 4 or 8, each with the least shorter side that the image must
            have for it, in pixels.

    Returns:
        The factor, 1 where the image is too small for any. Width and height are rounded up.
    """
    width, height = image.size
    possible = [factor for factor, side in least.items() if min(width, height) >= side]
    factor = max((factor for factor in possible if factor < WHOLE_BLOCK or _chroma_is_square(image)), default=1)
    if factor > 1:
        image.draft(None, (width // factor, height // factor))
    return factor


def _chroma_is_square(image: JpegImageFile) -> bool:
    """Tell whether colour is as coarse across as down: 4:4:4 or 4:2:0, but not 4:2:2.

    Otherwise libjpeg, at an eighth, gives two neighbours the same colour.
    """
    across, down = (max(layer[place] for layer in image.layer) for place in (1, 2))
    return all(layer[1] * down == layer[2] * across for layer in image.layer)
