"""What JPEG files need that others do not: a limit on scans, and decoding at a fraction of the size."""

from __future__ import annotations

from PIL.JpegImagePlugin import JpegImageFile

from deployments.errors import InvalidImage

# A JPEG of many scans is an attack: each, however few bytes it has, passes over the whole image, which takes 7 ms for
# 64 megapixels. Encoders write 10 to 20.
MAX_SCANS = 100

START_OF_SCAN = b"\xff\xda"
FIRST_SEGMENT = 2


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


def shrink(image: JpegImageFile, shorter_side: int) -> int:
    """Have an image that is not loaded yet decoded at a half, a quarter or an eighth of its size.

    Args:
        image: opened, not loaded.
        shorter_side: pixels that the shorter side keeps at least.

    Returns:
        What the size was divided by, rounded up; 1 where the image is too small for any.
    """
    width, height = image.size
    image.draft(None, (shorter_side, shorter_side))
    return next(factor for factor in (1, 2, 4, 8) if image.size == (-(-width // factor), -(-height // factor)))
