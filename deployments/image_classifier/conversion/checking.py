"""A converted network must answer as the one that it came from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deployments.image_classifier.conversion.errors import ConversionError
from deployments.image_classifier.conversion.model_files import ConvertedModel
from deployments.image_classifier.engines.engine import Engine
from deployments.image_classifier.engines.opening import open_converted
from deployments.image_classifier.engines.probe import probe
from deployments.image_classifier.origins import Network

# Of a probability, both computed in fp32; orders of operations differ.
TOLERANCE = 1e-3
IMAGES = 2


def check_same(network: Network, model: ConvertedModel, threads: int | None = None) -> None:
    """Compare both on images of noise, in fp32.

    Raises:
        ConversionError: a probability differs by more than the tolerance.
    """
    images = probe(model.about.preset.crop, IMAGES)
    engine = open_converted(model, "fp32", threads=threads, max_batch=IMAGES)
    difference = largest_difference(network.infer(images), _answers(engine, images))
    if not difference <= TOLERANCE:
        raise ConversionError(
            f"the converted network's probabilities differ by up to {difference:.2g} from those before, "
            f"more than {TOLERANCE:g}"
        )


def _answers(engine: Engine, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    try:
        return engine.infer(images)
    except RuntimeError as error:
        raise ConversionError("the converted network fails") from error


def largest_difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Largest difference of a probability; NaN where one is NaN."""
    return float(np.abs(one - other).max())
