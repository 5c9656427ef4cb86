"""Images to classes: weights, network and labels put together."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from deployments.contracts import Classes, ImagePreset, ModelDescription, PreparedImage, Tensor, Weights
from deployments.errors import InvalidInput, ModelError, ScoringError, StartupError
from deployments.image_classifier.architectures import Pretrained, build, pretrained
from deployments.image_classifier.engine import Engine
from deployments.image_classifier.labels import imagenet_labels, read_labels
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.image_classifier.state_dicts import load_state_dict
from deployments.image_classifier.torch_engine import TorchEngine
from deployments.image_classifier.weights import WeightsFile, WeightsMissing, find_weights

logger = logging.getLogger("ray.serve")


class ImageClassifier:
    """Gives each image its most probable classes.

    Args:
        engine: runs the network.
        labels: one for each of the network's outputs.
        preset: how images are prepared.
        weights: whether they come from training.
        parameters: facts for people.
    """

    def __init__(
        self,
        engine: Engine,
        labels: list[str],
        preset: ImagePreset,
        *,
        weights: Weights,
        parameters: dict[str, str | int | float],
    ) -> None:
        self._engine = engine
        self._labels = labels
        self._preset = preset
        self._weights = weights
        self._parameters = parameters

    @classmethod
    def load(cls, settings: ImageClassifierSettings, *, allow_untrained: bool) -> ImageClassifier:
        """Load the network that the settings name.

        Args:
            settings: the network, its weights, its device.
            allow_untrained: start with random weights where torchvision's cannot be had.

        Raises:
            StartupError: the settings or the files they name are wrong, or there are no weights.
        """
        known = pretrained(settings.architecture, settings.weights)
        labels = _labels(settings, known)
        file, why_untrained = _weights_file(settings, allow_untrained=allow_untrained)
        return cls(
            _engine(settings, known, file, classes=len(labels)),
            labels,
            known.preset,
            weights="untrained" if file is None else "trained",
            parameters=_facts(settings, known, file) | ({"untrained": why_untrained} if why_untrained else {}),
        )

    def score(self, images: list[PreparedImage]) -> list[Classes | ScoringError]:
        """Classify images.

        Returns:
            For each image its classes or its own error: InvalidInput for another shape than the model's,
            ModelError where the network failed.
        """
        errors = [self._problem(image) for image in images]
        valid = [image for image, error in zip(images, errors, strict=True) if error is None]
        scored = iter(self._classify(valid))
        return [next(scored) if error is None else error for error in errors]

    def describe(self) -> ModelDescription:
        """Say what is loaded."""
        crop, classes = self._preset.crop, len(self._labels)
        return ModelDescription(
            platform="pytorch",
            weights=self._weights,
            inputs=(Tensor("image", "UINT8", (-1, crop, crop, 3)),),
            outputs=(Tensor("probabilities", "FP32", (-1, classes)),),
            parameters=self._parameters | self._engine.describe() | {"classes": classes},
            preset=self._preset,
        )

    def warm_up(self) -> None:
        """Classify an image, so that the first request finds everything in place.

        Raises:
            StartupError: the network gives no probabilities.
        """
        grey = np.full((self._preset.crop, self._preset.crop, 3), 127, dtype=np.uint8)
        (result,) = self.score([PreparedImage(grey)])
        if isinstance(result, ScoringError):
            raise StartupError(f"The image model cannot classify: {result.message}")

    def _problem(self, image: PreparedImage) -> InvalidInput | None:
        expected = (self._preset.crop, self._preset.crop, 3)
        if image.pixels.shape == expected and image.pixels.dtype == np.uint8:
            return None
        return InvalidInput(
            f"The model takes images of {expected} uint8, not {image.pixels.shape} {image.pixels.dtype}."
        )

    def _classify(self, images: list[PreparedImage]) -> list[Classes | ModelError]:
        if not images:
            return []
        try:
            probabilities = self._engine.infer(np.stack([image.pixels for image in images]))
        except RuntimeError:
            logger.exception("The network failed on %d images.", len(images))
            return [ModelError("The model failed on this image.") for _ in images]
        return [self._top(row, image.top_k) for row, image in zip(probabilities, images, strict=True)]

    def _top(self, probabilities: NDArray[np.float32], count: int) -> Classes | ModelError:
        if not np.isfinite(probabilities).all():
            return ModelError("The model gave no probabilities for this image.")
        count = min(max(count, 1), len(probabilities))
        best = np.argpartition(-probabilities, count - 1)[:count]
        best = best[np.argsort(-probabilities[best], kind="stable")]
        return Classes(
            indices=best.tolist(),
            labels=[self._labels[index] for index in best],
            probabilities=probabilities[best].tolist(),
        )


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


def _engine(settings: ImageClassifierSettings, known: Pretrained, file: WeightsFile | None, *, classes: int) -> Engine:
    architecture = settings.architecture
    network = build(architecture, classes=classes, options=known.options, seed=settings.seed)
    if file is not None:
        what = f"{architecture} with {classes} classes"
        load_state_dict(network, file.path, name=file.name, architecture=what)
    return TorchEngine(
        network, known.preset, device=settings.device, threads=settings.threads, max_batch=settings.max_batch
    )


def _facts(
    settings: ImageClassifierSettings, known: Pretrained, file: WeightsFile | None
) -> dict[str, str | int | float]:
    facts: dict[str, str | int | float] = {"architecture": settings.architecture, "weights": known.name}
    if file is None:
        return facts | {"source": f"random, seed {settings.seed}"}
    return facts | {"source": file.name, "sha256": file.sha256}
