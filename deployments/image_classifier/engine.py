"""What runs the network; the classifier knows no more of it than this."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Engine(Protocol):
    """Runs a network on prepared images."""

    def infer(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify images.

        Args:
            batch: (n, height, width, 3) uint8, RGB; n is any number from 1.

        Returns:
            (n, classes) float32: softmax probabilities.

        Raises:
            RuntimeError: the library failed, for want of memory for example.
        """

    def describe(self) -> dict[str, str | int | float]:
        """Return facts for people: engine, device, threads."""
