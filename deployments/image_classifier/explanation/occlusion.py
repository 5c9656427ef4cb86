"""Which parts of an image a class needs: cover one after the other and see how far its probability falls.

Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, 2014, section 4.2 (arXiv:1311.2901). It asks
nothing of the network but probabilities, so any engine can do it, at the price of one inference for each cell.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Heat = NDArray[np.float32]

# Classifies (n, height, width, 3) uint8 as (n, classes) probabilities.
Infer = Callable[[Pixels], Awaitable[NDArray[np.float32]]]

# A patch is so many cells wide, with a cell in its middle: patches overlap, so that neighbours in the grid differ
# little, and an object on the border of two cells is still covered whole by one of the patches.
PATCH_CELLS = 2.0


async def drops(
    pixels: Pixels, class_index: int, probability: float, infer: Infer, *, grid: int, colour: Pixels
) -> Heat:
    """Cover each cell, with half a cell around it, and measure how far the class's probability falls.

    Args:
        pixels: (height, width, 3) uint8.
        class_index: the class.
        probability: of the class in the whole image.
        infer: classifies images; gets those of one row of the grid at a time, which bounds their memory.
        grid: cells along each side; fewer where the image has fewer pixels.
        colour: (3,) uint8, what covers; the mean of all images tells the network least.

    Returns:
        (grid, grid) float32: the probability of the whole image less that of the covered one; negative where the
        class became more probable.
    """
    height, width, _ = pixels.shape
    rows, columns = patches(height, min(grid, height)), patches(width, min(grid, width))
    left: list[NDArray[np.float32]] = []
    for row in rows:
        batch = covered(pixels, [(row, column) for column in columns], colour)
        left.append((await infer(batch))[:, class_index])
    return (np.float32(probability) - np.stack(left)).astype(np.float32)


def covered(pixels: Pixels, places: list[tuple[slice, slice]], colour: Pixels) -> Pixels:
    """Return (places, height, width, 3): a copy of the image for each place, covered there."""
    batch = np.repeat(pixels[None], len(places), axis=0)
    for image, (rows, columns) in zip(batch, places, strict=True):
        image[rows, columns] = colour
    return batch


def patches(length: int, cells: int) -> list[slice]:
    """Return which pixels the patch around each cell covers along one side; the outermost end at the image's edge."""
    cell = length / cells
    reach = PATCH_CELLS * cell / 2
    centres = (np.arange(cells) + 0.5) * cell
    return [slice(max(0, round(centre - reach)), min(length, round(centre + reach))) for centre in centres.tolist()]
