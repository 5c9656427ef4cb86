"""What the image classifier answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from serve_app.client.results import Origin


@dataclass(frozen=True, slots=True)
class ImageClass:
    """A class that an image may show.

    Attributes:
        label: `n02127052 lynx, catamount` for ImageNet, else the model's own.
        probability: 0 to 1.
    """

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class ImageExplanation:
    """Where in the image, resized and cut as the network gets it, the network saw a class.

    Attributes:
        class_index: the class.
        label: its label.
        probability: its probability, 0 to 1.
        method: how it was found out.
        grid: rows from top to bottom, columns from left to right; 0 to 1, the largest is 1.
        heat_map: a PNG file of the picture with the grid over it, blue (0) to red (1).
        largest_drop: of occlusion: how far the probability falls at the cell of 1.
    """

    class_index: int
    label: str
    probability: float
    method: Literal["grad-cam", "occlusion"]
    grid: tuple[tuple[float, ...], ...]
    heat_map: bytes = field(repr=False)
    largest_drop: float | None = None


@dataclass(frozen=True, slots=True)
class ImageResult:
    """What became of an image.

    Attributes:
        classes: most probable first.
        explanation: where the network looked; None if not asked for.
        origin: who answered.
    """

    classes: tuple[ImageClass, ...]
    explanation: ImageExplanation | None = None
    origin: Origin = field(default=Origin(), compare=False)

    @property
    def best(self) -> ImageClass:
        """The most probable class."""
        return self.classes[0]
