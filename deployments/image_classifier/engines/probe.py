"""Images to run a network on for its own sake."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def probe(side: int, count: int = 1) -> NDArray[np.uint8]:
    """Return images of noise: (count, side, side, 3), the same each time."""
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def probes(side: int, max_batch: int) -> Iterator[NDArray[np.uint8]]:
    """Give one image and then a whole batch, for which memory and kernels of an engine differ; see `probe`."""
    return (probe(side, count) for count in sorted({1, max_batch}))
