"""How the answers of a converted network differ from those before, and how much of that is too much."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.image_classifier.engines.engine import Engine, Precision
from deployments.image_classifier.engines.probe import probe

# A median over so many single images.
RUNS = 20


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a conversion may change.

    Attributes:
        agreement: least share of images with the same most probable class, 0 to 1.
        difference: most that any probability may differ by.
    """

    agreement: float
    difference: float


# fp32 differs by the order of sums; bf16 keeps 8 bits of each number, fp16 11; int8 has 256 values for each layer.
TOLERANCES: dict[Precision, Tolerance] = {
    "fp32": Tolerance(0.99, 0.001),
    "fp16": Tolerance(0.98, 0.1),
    "bf16": Tolerance(0.97, 0.2),
    "int8": Tolerance(0.90, 0.5),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Answers of two engines to the same images.

    Attributes:
        images: how many.
        agreement: share with the same most probable class, 0 to 1.
        difference: largest difference of a probability.
        accuracy: share of right classes, of the converted network and of PyTorch; None without labels.
    """

    images: int
    agreement: float
    difference: float
    accuracy: tuple[float, float] | None = None


def compare(
    found: NDArray[np.float32], expected: NDArray[np.float32], classes: NDArray[np.int64] | None = None
) -> Comparison:
    """Compare answers.

    Args:
        found: (n, classes) probabilities of the converted network, n from 1.
        expected: the same of PyTorch in fp32.
        classes: (n) right classes; -1 where none is known.
    """
    same = float((found.argmax(1) == expected.argmax(1)).mean())
    difference = float(np.abs(found - expected).max())
    known = classes >= 0 if classes is not None else np.zeros(len(found), bool)
    accuracy = None
    if classes is not None and known.any():
        right = [(each.argmax(1) == classes)[known].mean() for each in (found, expected)]
        accuracy = (float(right[0]), float(right[1]))
    return Comparison(len(found), same, difference, accuracy)


def objection(comparison: Comparison, tolerance: Tolerance, *, judge_agreement: bool = True) -> str | None:
    """Say in a clause what is beyond the tolerance; None if nothing is.

    Args:
        comparison: what was found.
        tolerance: what may be.
        judge_agreement: whether the images are such that the most probable class means something.
    """
    if not comparison.difference <= tolerance.difference:
        return f"a probability differs by {comparison.difference:.3g}, more than {tolerance.difference:g}"
    if judge_agreement and not comparison.agreement >= tolerance.agreement:
        return (
            f"the most probable class is the same on {comparison.agreement:.1%} of {comparison.images} images, "
            f"less than {tolerance.agreement:.1%}"
        )
    return None


def latency(engine: Engine, side: int) -> float:
    """Return the milliseconds that one image takes, a median."""
    image = probe(side)
    engine.infer(image)
    samples = []
    for _ in range(RUNS):
        started = time.perf_counter()
        engine.infer(image)
        samples.append(time.perf_counter() - started)
    return statistics.median(samples) * 1e3
