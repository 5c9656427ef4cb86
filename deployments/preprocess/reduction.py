"""From an image that was decoded at a fraction of its size to the square that a model takes.

A JPEG can be decoded at a half, a quarter or an eighth of its size: each pixel is then the mean of a cell of 2 x 2,
4 x 4 or 8 x 8. To resize those means as if they were points blurs, by as much as a cell is wide. Here they are taken
for what they are: of all lines of pixels with these means the smoothest (the least sum of squared steps) is resized
with the very weights that Pillow has for the whole image. Both steps are linear, so they are one matrix for each axis,
and the whole image never exists.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

# Cells on either side that tell something about the pixels of one cell; a further one would weigh less than 0.003.
NEIGHBOURS = 3

# Output pixels that are computed together: few, since their matrix is mostly zero, but enough for BLAS to be fast.
BLOCK = 16

# Half the width of Pillow's filters, in output pixels.
SUPPORT = {"bilinear": 1.0, "bicubic": 2.0}


@dataclass(frozen=True, slots=True)
class Axis:
    """Where the cells lie along one side of an image, and what of it is wanted.

    Attributes:
        cells: number of cells.
        factor: pixels of the whole image that a cell is wide.
        start: where the first cell begins, in pixels of the whole image; 0, or less where the image does not fill it.
        length: of the whole image, in its pixels.
        resized: length after resizing.
        offset: first pixel that is wanted of the resized image.
        crop: number of pixels that are wanted.
        interpolation: name of the filter.
    """

    cells: int
    factor: int
    start: int
    length: int
    resized: int
    offset: int
    crop: int
    interpolation: str


@dataclass(frozen=True, slots=True)
class Block:
    """The weights of neighbouring output pixels: (pixels, cells) float32, from the cell `first` on."""

    first: int
    weights: NDArray[np.float32]


def resize_square(cells: NDArray[np.uint8], vertical: Axis, horizontal: Axis) -> NDArray[np.uint8]:
    """Resize and crop along both axes.

    Args:
        cells: (rows, columns, 3) means.
        vertical: the axis of the rows.
        horizontal: the axis of the columns.

    Returns:
        (crop, crop, 3).
    """
    rows, columns = _blocks(vertical), _blocks(horizontal)
    (top, bottom), (left, right) = _span(rows), _span(columns)
    needed = _SCRATCH.array("needed", bottom - top, (right - left) * 3)
    np.copyto(needed.reshape(bottom - top, right - left, 3), cells[top:bottom, left:right])
    resized = _apply(rows, needed, _SCRATCH.array("resized", vertical.crop, (right - left) * 3))
    turned = _SCRATCH.array("turned", right - left, vertical.crop * 3)
    np.copyto(turned.reshape(right - left, -1, 3), resized.reshape(-1, right - left, 3).transpose(1, 0, 2))
    square = _apply(columns, turned, _SCRATCH.array("square", horizontal.crop, vertical.crop * 3))
    np.clip(np.rint(square, out=square), 0, 255, out=square)
    return square.reshape(horizontal.crop, -1, 3).transpose(1, 0, 2).astype(np.uint8, order="C")


class _Scratch(threading.local):
    """Memory that each thread keeps: for new megabytes from the operating system it would wait longer than compute."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[np.float32]] = {}

    def array(self, name: str, rows: int, columns: int) -> NDArray[np.float32]:
        """Return an array of any content, valid until the same name is asked for again."""
        size = rows * columns
        if name not in self._arrays or self._arrays[name].size < size:
            self._arrays[name] = np.empty(size, np.float32)
        return self._arrays[name][:size].reshape(rows, columns)


_SCRATCH = _Scratch()


def _span(blocks: tuple[Block, ...]) -> tuple[int, int]:
    """Return the first cell that weighs anything, and the one after the last."""
    return min(block.first for block in blocks), max(block.first + block.weights.shape[1] for block in blocks)


def _apply(blocks: tuple[Block, ...], lines: NDArray[np.float32], out: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weigh lines (cells, values), the first of which is the first that any block needs, into (pixels, values)."""
    first, done = _span(blocks)[0], 0
    for block in blocks:
        pixels, cells = block.weights.shape
        begin = block.first - first
        np.matmul(block.weights, lines[begin : begin + cells], out=out[done : done + pixels])
        done += pixels
    return out


@lru_cache(maxsize=256)
def _blocks(axis: Axis) -> tuple[Block, ...]:
    """Weights of the axis in blocks, each without the cells that weigh nothing."""
    weights = matrix(axis)
    blocks = []
    for begin in range(0, axis.crop, BLOCK):
        rows = weights[begin : begin + BLOCK]
        used = np.flatnonzero(rows.any(axis=0))
        blocks.append(Block(int(used[0]), np.ascontiguousarray(rows[:, used[0] : used[-1] + 1], np.float32)))
    return tuple(blocks)


def matrix(axis: Axis) -> Matrix:
    """Return (crop, cells): what each cell weighs in each output pixel; a row sums to 1."""
    first, weights = _pixel_weights(axis)
    by_cell = weights.reshape(axis.crop, -1, axis.factor) @ _smoothest(axis.factor)
    windows, neighbours = by_cell.shape[1:]
    out = np.zeros((axis.crop, axis.cells))
    rows = np.arange(axis.crop)[:, None]
    for neighbour in range(neighbours):
        # Beyond the edge the outermost cell goes on.
        cells = first[:, None] + np.arange(windows) + neighbour - NEIGHBOURS
        np.add.at(out, (rows, cells.clip(0, axis.cells - 1)), by_cell[:, :, neighbour])
    return out


def _pixel_weights(axis: Axis) -> tuple[NDArray[np.intp], Matrix]:
    """Pillow's weights for the whole image (its `precompute_coeffs`), from the edge of a cell on.

    Returns:
        The first cell of each output pixel, (crop,); weights of the pixels from there on, (crop, whole cells).
    """
    scale = axis.length / axis.resized
    reach = SUPPORT[axis.interpolation] * scale
    centres = (axis.offset + np.arange(axis.crop) + 0.5) * scale
    begin = np.maximum((centres - reach + 0.5).astype(np.intp), 0)
    end = np.minimum((centres + reach + 0.5).astype(np.intp), axis.length)
    first = (begin - axis.start) // axis.factor
    windows = math.ceil(2 * reach / axis.factor) + 2
    pixels = (first * axis.factor + axis.start)[:, None] + np.arange(windows * axis.factor)
    weights = _filter(axis.interpolation, (pixels - centres[:, None] + 0.5) / scale)
    weights[(pixels < begin[:, None]) | (pixels >= end[:, None])] = 0
    return first, weights / weights.sum(axis=1, keepdims=True)


def _filter(interpolation: str, x: Matrix) -> Matrix:
    """Pillow's filters; the bicubic one is Keys' with a = -0.5."""
    x = np.abs(x)
    if interpolation == "bilinear":
        return np.maximum(1 - x, 0)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))  # noqa: PLR2004 - the filter's own knots


@lru_cache(maxsize=8)
def _smoothest(factor: int) -> Matrix:
    """Return (factor, 2 * NEIGHBOURS + 1): each pixel of a cell from the means of the cells around it.

    It minimizes the sum of squared differences between neighbouring pixels under the condition that every cell has
    its mean, by Lagrange's multipliers.
    """
    cells = 2 * NEIGHBOURS + 1
    pixels = cells * factor
    steps = np.diff(np.eye(pixels), axis=0)
    means = np.kron(np.eye(cells), np.full((1, factor), 1 / factor))
    system = np.block([[steps.T @ steps, means.T], [means, np.zeros((cells, cells))]])
    solved = np.linalg.solve(system, np.vstack([np.zeros((pixels, cells)), np.eye(cells)]))
    middle: Matrix = solved[NEIGHBOURS * factor : (NEIGHBOURS + 1) * factor]
    return middle
