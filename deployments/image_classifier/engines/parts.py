"""Images that go through the network in several parts, since they are more than it takes at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# Runs the network on no more images than it takes at once.
Run = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def run_parts(run: Run, batch: NDArray[np.uint8], most: int) -> NDArray[np.float32]:
    """Run the network on one part of the images after the other.

    Args:
        run: from (n, side, side, 3) uint8 to (n, classes) float32, for n up to `most`. What it gives may be overwritten
            only after the last part.
        batch: (n, side, side, 3) uint8; n is any number from 1.
        most: images in a part.
    """
    starts = range(0, len(batch), most)
    return np.concatenate([run(batch[start : start + most]) for start in starts])
