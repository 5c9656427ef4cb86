"""From an image of any size to the square that a model takes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deployments.contracts import ImagePreset
from deployments.preprocess.decoding import Decoded
from deployments.preprocess.reduction import SUPPORT, Axis, resize_square

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


# How many pixels a scaled image keeps at least for each one after resizing, by the divisor of its size. At an eighth
# a JPEG's pixels are exact means, which the resizing makes good use of, and at a half and a quarter nearly so.
# Photos of 12 megapixels (shorter side 2,592 to 3,464) for a network that wants 232 are decoded at an eighth;
# docs/benchmarks.md says what that changes.
LEAST_KEPT = {2: 2.0, 4: 2.0, 8: 1.35}

# Up to here the whole image is resized, which gives torchvision's very pixels; 16 MB.
MAX_RESIZED_PIXELS = 4_000_000


def prepare(image: Image.Image, preset: ImagePreset) -> NDArray[np.uint8]:
    """Resize the shorter side, then cut the square from the centre, as torchvision's classification preset does.

    Args:
        image: in mode RGB, at least 1 x 1.
        preset: the sizes and the filter.

    Returns:
        (crop, crop, 3) uint8, RGB.
    """
    size = width, height = _resized(image.size, preset.resize)
    left, top = _offset(width, preset.crop), _offset(height, preset.crop)
    square = (left, top, left + preset.crop, top + preset.crop)
    if width * height > MAX_RESIZED_PIXELS:
        return np.asarray(_resize_square(image, size, square, FILTERS[preset.interpolation]))
    return np.asarray(image.resize(size, FILTERS[preset.interpolation]).crop(square))


def prepare_scaled(decoded: Decoded, preset: ImagePreset) -> NDArray[np.uint8]:
    """Prepare an image that may have been decoded at a fraction of its size, as `prepare` would the whole.

    Args:
        decoded: the image, and where it lies in the whole.
        preset: the sizes and the filter.

    Returns:
        (crop, crop, 3) uint8, RGB: torchvision's pixels where the factor is 1, and close to them elsewhere.
    """
    if decoded.factor == 1:
        return prepare(decoded.image, preset)
    resized = _resized(decoded.size, preset.resize)
    horizontal, vertical = (
        Axis(
            cells=cells,
            factor=decoded.factor,
            start=start,
            length=length,
            resized=side,
            offset=_offset(side, preset.crop),
            crop=preset.crop,
            interpolation=preset.interpolation,
        )
        for cells, start, length, side in zip(decoded.image.size, decoded.start, decoded.size, resized, strict=True)
    )
    return resize_square(np.asarray(decoded.image), vertical, horizontal)


def least_shorter_sides(preset: ImagePreset) -> dict[int, int]:
    """Return the least shorter side, in pixels, of an image whose size may be divided by 2, 4 or 8, for each."""
    if preset.interpolation not in SUPPORT:
        return {}
    return {factor: math.ceil(factor * kept * preset.resize) for factor, kept in LEAST_KEPT.items()}


def _resize_square(
    image: Image.Image, size: tuple[int, int], square: tuple[int, int, int, int], resample: Image.Resampling
) -> Image.Image:
    """Resize only what survives the cut, so that 1 x 60,000 pixels do not become 256 x 15,360,000.

    Differs from torchvision by rounding, since Pillow keeps the edges of a box in single precision and chooses by
    size which axis to resize first.
    """
    left, top, right, bottom = square
    x_scale, y_scale = image.width / size[0], image.height / size[1]
    box = (
        left * x_scale,
        top * y_scale,
        min(right * x_scale, image.width),
        min(bottom * y_scale, image.height),
    )
    return image.resize((right - left, bottom - top), resample, box=box)


def _resized(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    """Return width and height with the given shorter side; the longer is rounded down, as in torchvision."""
    width, height = size
    if width <= height:
        return shorter, int(shorter * height / width)
    return int(shorter * width / height), shorter


def _offset(length: int, crop: int) -> int:
    """Return where the centre crop begins; halves are rounded to even, as in torchvision."""
    return round((length - crop) / 2)
