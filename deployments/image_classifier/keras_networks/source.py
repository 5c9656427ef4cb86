"""Networks of Keras: the file or application, how pixels are normalized, labels. No TensorFlow."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from deployments.contracts import ImagePreset
from deployments.image_classifier.engines.engine import Facts, Library
from deployments.image_classifier.fetching import WeightsFile, WithWeights, or_untrained
from deployments.image_classifier.keras_networks.facts import Known
from deployments.image_classifier.keras_networks.files import find_file, find_published
from deployments.image_classifier.keras_networks.known import find_known
from deployments.image_classifier.labels import imagenet_labels, read_labels
from deployments.image_classifier.network_loaders import load_network

if TYPE_CHECKING:
    from deployments.image_classifier.keras_settings import KerasNetwork
    from deployments.image_classifier.origins import Network
    from deployments.image_classifier.settings import ImageClassifierSettings


@dataclass(frozen=True, slots=True)
class KerasSource(WithWeights):
    """A network of Keras, a `Source`.

    Attributes:
        application: Keras's name of the network; None for a network that the file holds.
        file: the network, or the application's weights; None for random ones.
        labels: one for each class.
        preset: how images are prepared.
        outputs: what the network gives.
        seed: of random weights.
        why_untrained: a sentence; empty where the weights come from training.
        threads: of the CPU that TensorFlow may use; None for as many as this process may run on.
        gpu: whether it may use a GPU.
    """

    application: str | None
    file: WeightsFile | None
    labels: tuple[str, ...]
    preset: ImagePreset
    outputs: Literal["probabilities", "logits"] = "probabilities"
    seed: int = 0
    why_untrained: str = ""
    threads: int | None = None
    gpu: bool = False

    @property
    def library(self) -> Library:
        """Keras; see `Source`."""
        return "keras"

    @property
    def name(self) -> str:
        """The application or the file; see `Source`."""
        return self.application or (self.file.name if self.file is not None else "")

    @property
    def facts(self) -> Facts:
        """Facts for people."""
        return {"architecture": self.application or PurePath(self.name).stem, "library": "Keras"} | self.weights_facts

    @property
    def identity(self) -> dict[str, object]:
        """What decides how it answers; see `Source`."""
        return {
            "application": self.application,
            "origin": "keras",
            "preset": asdict(self.preset),
            "outputs": self.outputs,
            "classes": len(self.labels),
            "weights": self.weights_identity,
        }

    def load(self) -> Network:
        """Build the network; see `Source`."""
        return load_network(self)


def find_keras(settings: ImageClassifierSettings, network: KerasNetwork, *, allow_untrained: bool) -> KerasSource:
    """Find what the settings name, files fetched if need be.

    Args:
        settings: the model.
        network: the part of them that names the network.
        allow_untrained: take random weights where Keras's cannot be had.

    Raises:
        StartupError: the settings or the files they name are wrong, or there are no weights.
    """
    gpu, labels = settings.device != "cpu", _labels(settings)
    known = _known(network, settings.threads, gpu=gpu)
    source = KerasSource(
        application=network.application,
        file=None,
        labels=tuple(labels),
        preset=network.preset(known.preset if known else None),
        outputs=network.outputs,
        seed=settings.seed,
        threads=settings.threads,
        gpu=gpu,
    )
    if known is None or network.uri is not None:
        return replace(source, file=find_file(network))
    file, why = or_untrained(
        lambda: find_published(known, download=settings.download),
        f"ImageNet's weights of Keras's {network.application}",
        "keras.uri",
        allow_untrained=allow_untrained,
    )
    return replace(source, file=file, why_untrained=why)


def _known(network: KerasNetwork, threads: int | None, *, gpu: bool) -> Known | None:
    if network.application is None:
        return None

    def settle() -> None:
        from deployments.image_classifier.keras_networks.library import settle  # noqa: PLC0415 - imports TensorFlow

        settle(threads, gpu=gpu)

    return find_known(network.application, settle)


def _labels(settings: ImageClassifierSettings) -> list[str]:
    # Keras's applications have ImageNet's classes in the same order as torchvision's networks.
    return imagenet_labels() if settings.labels_uri is None else read_labels(settings.labels_uri)
