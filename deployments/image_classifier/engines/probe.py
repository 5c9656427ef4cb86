"""Images to run a network on for its own sake."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def probe(side: int, count: int = 1) -> NDArray[np.uint8]:
    """Return images of noise: (count, side, side, 3), the same each time."""
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
