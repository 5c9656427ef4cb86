"""Which network with which weights: all that decides what a model answers. No torch."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from deployments.contracts import Weights
from deployments.errors import StartupError
from deployments.image_classifier.engines.engine import Facts
from deployments.image_classifier.labels import imagenet_labels, read_labels
from deployments.image_classifier.pretrained import Pretrained, find_pretrained
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.weights import WeightsFile, WeightsMissing, find_weights

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A network and its weights.

    Attributes:
        architecture: torchvision's name of the network.
        known: torchvision's facts of its weights.
        labels: one for each class.
        file: the weights; None for random ones.
        seed: of random weights.
        why_untrained: a sentence; empty where the weights come from training.
    """

    architecture: str
    known: Pretrained
    labels: tuple[str, ...]
    file: WeightsFile | None
    seed: int = 0
    why_untrained: str = ""

    @property
    def weights(self) -> Weights:
        """Whether they come from training."""
        return "untrained" if self.file is None else "trained"

    @property
    def facts(self) -> Facts:
        """Facts for people."""
        facts: Facts = {"architecture": self.architecture, "weights": self.known.name}
        if self.file is None:
            return facts | {"source": f"random, seed {self.seed}", "untrained": self.why_untrained}
        return facts | {"source": self.file.name, "sha256": self.file.sha256}


def find_source(settings: ImageClassifierSettings, *, allow_untrained: bool) -> ModelSource:
    """Find what the settings name, weights fetched if need be.

    Args:
        settings: the network, its weights.
        allow_untrained: take random weights where torchvision's cannot be had.

    Raises:
        StartupError: the settings or the files they name are wrong, or there are no weights.
    """
    known = find_pretrained(settings.architecture, settings.weights)
    labels = _labels(settings, known)
    file, why_untrained = _weights_file(settings, allow_untrained=allow_untrained)
    return ModelSource(settings.architecture, known, tuple(labels), file, settings.seed, why_untrained)


def _labels(settings: ImageClassifierSettings, known: Pretrained) -> list[str]:
    if settings.labels_uri is not None:
        return read_labels(settings.labels_uri)
    imagenet = imagenet_labels()
    if len(known.categories) == len(imagenet):
        return imagenet
    if known.categories:
        return list(known.categories)
    raise StartupError(f"The weights {known.name} have no class names of their own; give them with labels_uri.")


def _weights_file(settings: ImageClassifierSettings, *, allow_untrained: bool) -> tuple[WeightsFile | None, str]:
    """Return the weights, or why there are none."""
    try:
        return find_weights(settings), ""
    except WeightsMissing as missing:
        what = f"The weights {settings.weights} of {settings.architecture} cannot be had: {missing}"
        if not allow_untrained:
            raise StartupError(f"{what}; name a file or URI that holds them with weights_uri.") from None
        why = f"{what}; the model starts untrained, and what it answers means nothing."
        logger.warning("%s", why)
        return None, why
