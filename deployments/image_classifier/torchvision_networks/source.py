"""Networks of torchvision: architecture, weights, labels. No torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from deployments.contracts import ImagePreset
from deployments.errors import StartupError
from deployments.image_classifier.engines.engine import Facts, Library
from deployments.image_classifier.fetching import WeightsFile, WithWeights, or_untrained
from deployments.image_classifier.labels import imagenet_labels, read_labels
from deployments.image_classifier.network_loaders import load_network
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.torchvision_networks.facts import Pretrained
from deployments.image_classifier.torchvision_networks.pretrained import find_pretrained
from deployments.image_classifier.torchvision_networks.weights import find_weights

if TYPE_CHECKING:
    from deployments.image_classifier.origins import Network


@dataclass(frozen=True, slots=True)
class TorchvisionSource(WithWeights):
    """A network of torchvision, a `Source`.

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
    def library(self) -> Library:
        """PyTorch; see `Source`."""
        return "torch"

    @property
    def name(self) -> str:
        """The architecture; see `Source`."""
        return self.architecture

    @property
    def preset(self) -> ImagePreset:
        """Torchvision's; see `Source`."""
        return self.known.preset

    @property
    def facts(self) -> Facts:
        """Facts for people."""
        return {"architecture": self.architecture, "weights": self.known.name} | self.weights_facts

    @property
    def identity(self) -> dict[str, object]:
        """What decides how it answers; see `Source`."""
        return {
            "architecture": self.architecture,
            "options": self.known.options,
            "preset": asdict(self.known.preset),
            "classes": len(self.labels),
            "weights": self.weights_identity,
        }

    def load(self) -> Network:
        """Build the network; see `Source`."""
        return load_network(self)


def find_torchvision(settings: ImageClassifierSettings, *, allow_untrained: bool) -> TorchvisionSource:
    """Find what the settings name, weights fetched if need be.

    Args:
        settings: the network, its weights.
        allow_untrained: take random weights where torchvision's cannot be had.

    Raises:
        StartupError: the settings or the files they name are wrong, or there are no weights.
    """
    known = find_pretrained(settings.architecture, settings.weights)
    labels = _labels(settings, known)
    file, why_untrained = or_untrained(
        lambda: find_weights(settings),
        f"The weights {settings.weights} of {settings.architecture}",
        "weights_uri",
        allow_untrained=allow_untrained,
    )
    return TorchvisionSource(settings.architecture, known, tuple(labels), file, settings.seed, why_untrained)


def _labels(settings: ImageClassifierSettings, known: Pretrained) -> list[str]:
    if settings.labels_uri is not None:
        return read_labels(settings.labels_uri)
    imagenet = imagenet_labels()
    if len(known.categories) == len(imagenet):
        return imagenet
    if known.categories:
        return list(known.categories)
    raise StartupError(f"The weights {known.name} have no class names of their own; give them with labels_uri.")
