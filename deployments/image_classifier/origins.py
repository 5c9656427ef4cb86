"""Networks of whichever library: what they are, and what they do once they are loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from deployments.contracts import ImagePreset, Weights
from deployments.image_classifier.engines.engine import Engine, EngineOptions, Facts, Kind, Library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Network(Protocol):
    """A network in the library that it comes from, its weights in it: what engines run and conversions start from."""

    @property
    def size(self) -> int:
        """Bytes of its weights."""

    def infer(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Answer layer by layer in fp32: what every engine is compared with.

        Args:
            images: (n, side, side, 3) uint8, RGB.

        Returns:
            (n, classes) float32: probabilities.
        """

    def write(self, kind: Kind, file: Path) -> None:
        """Write the network for another library, batches of any size; weights stay fp32.

        Args:
            kind: for which library.
            file: the file to write, as `model_files.FILES` names it.

        Raises:
            Exception: whatever the library raises where it cannot.
        """

    def engine(self, options: EngineOptions) -> Engine:
        """Run the network in its own library, with those options that it has; it may be changed by this."""


class Source(Protocol):
    """All that decides what a network answers; known without importing its library."""

    @property
    def library(self) -> Library:
        """The library that it comes from, whose engine runs it as it is."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    @property
    def labels(self) -> tuple[str, ...]:
        """One for each class."""

    @property
    def preset(self) -> ImagePreset:
        """How images are prepared."""

    @property
    def weights(self) -> Weights:
        """Whether they come from training."""

    @property
    def facts(self) -> Facts:
        """Facts for people."""

    @property
    def identity(self) -> dict[str, object]:
        """What decides how it answers, as JSON has it: networks of equal identity are converted once."""

    def load(self) -> Network:
        """Build the network and put its weights in.

        Raises:
            StartupError: the files do not hold what they should, or the library is not installed.
        """
