"""Images to classes: weights, network and labels put together."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from deployments.contracts import Classes, ImagePreset, ModelDescription, PreparedImage, Tensor, Weights
from deployments.errors import InvalidInput, ModelError, ScoringError, StartupError
from deployments.image_classifier.engines.engine import PLATFORMS, Engine, Facts
from deployments.image_classifier.loading import load_model
from deployments.image_classifier.settings import ImageClassifierSettings

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
        parameters: Facts,
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
        model = load_model(settings, allow_untrained=allow_untrained)
        return cls(model.engine, model.labels, model.preset, weights=model.weights, parameters=model.facts)

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
        crop = self._preset.crop
        facts = self._engine.describe()
        return ModelDescription(
            platform=PLATFORMS[str(facts["engine"])],
            weights=self._weights,
            inputs=(Tensor("pixels", "UINT8", (-1, crop, crop, 3)),),
            outputs=(
                Tensor("class_ids", "INT64", (-1, -1)),
                Tensor("labels", "BYTES", (-1, -1)),
                Tensor("probabilities", "FP32", (-1, -1)),
            ),
            parameters=self._parameters | facts | {"classes": len(self._labels)},
            preset=self._preset,
        )

    def warm_up(self) -> None:
        """Classify an image, so that the first request finds everything in place.

        Raises:
            StartupError: the network fails, or gives no probabilities.
        """
        try:
            self._engine.warm_up()
        except RuntimeError:
            logger.exception("The network failed on its first image.")
            raise StartupError("The image model cannot classify: the network failed on its first image.") from None
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
