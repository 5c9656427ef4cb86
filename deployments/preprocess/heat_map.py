"""A heat map over the picture that it explains."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# From cold to hot: blue, cyan, green, yellow, red, as heat maps of class activations are drawn.
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
COLOURS = np.array([(0, 0, 160), (0, 160, 255), (80, 220, 80), (255, 220, 0), (220, 0, 0)], np.float32)

# How much of the picture the hottest places hide, and the coldest.
HOTTEST, COLDEST = 0.6, 0.25


def draw(pixels: NDArray[np.uint8], grid: list[list[float]]) -> bytes:
    """Draw a grid over a picture.

    Args:
        pixels: (height, width, 3) uint8, RGB.
        grid: rows of numbers from 0 to 1; the grid covers the whole picture.

    Returns:
        A PNG file of the picture's size.
    """
    heat = _smooth(np.asarray(grid, np.float32), pixels.shape[:2])
    colours = np.stack([np.interp(heat, LEVELS, channel) for channel in COLOURS.T], axis=-1)
    opacity = (COLDEST + (HOTTEST - COLDEST) * heat)[..., None]
    blended = pixels * (1 - opacity) + colours * opacity
    file = io.BytesIO()
    Image.fromarray(blended.round().astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def _smooth(grid: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the grid for each pixel, without steps between its cells; no pixel is hotter than the hottest cell."""
    height, width = size
    return np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BILINEAR)).clip(0, 1)
