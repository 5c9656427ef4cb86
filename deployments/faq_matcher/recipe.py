"""The settings of the training, apart from it: naming them must not import scikit-learn."""

from __future__ import annotations

from deployments.faq_matcher.features import GRAM_LENGTH

LIBRARIES = ("numpy", "scikit-learn", "scipy")

# Inverse strength of the penalty. On stackfaq 10, 30 and 100 are equally accurate; of these, 100 gives
# probabilities that come closest to how often the answer is right.
REGULARIZATION = 100.0

MAX_ITERATIONS = 1000

# Features x originals; rarer features are left out beyond it. Training 2,000 originals with 8,000 texts, which
# reaches it, takes 27 s on two cores and 2.7 GB, most of it the solver's memory of its last steps.
MAX_WEIGHTS = 10_000_000


def recipe() -> dict[str, int | float]:
    """Everything but the data and the library versions that decides what a model becomes."""
    return {
        "gram_length": GRAM_LENGTH,
        "regularization": REGULARIZATION,
        "max_iterations": MAX_ITERATIONS,
        "max_weights": MAX_WEIGHTS,
    }
