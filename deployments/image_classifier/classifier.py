"""Images to classes: weights, network and labels put together."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from deployments.contracts import Classes, ImagePreset, ModelDescription, PreparedImage, Tensor, Weights
from deployments.errors import InvalidInput, ModelError, ScoringError, StartupError
from deployments.image_classifier.batch_curve import measure_curve, pick_size, told
from deployments.image_classifier.batching import BatchRunner
from deployments.image_classifier.curve_cache import CurveCache
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
        measure_batches: whether to find the engine's best size of a batch when it warms up.
    """

    def __init__(
        self,
        engine: Engine,
        labels: list[str],
        preset: ImagePreset,
        *,
        weights: Weights,
        parameters: Facts,
        measure_batches: bool = False,
    ) -> None:
        self._engine = engine
        self._labels = labels
        self._preset = preset
        self._weights = weights
        self._parameters = parameters
        self._measure_batches = measure_batches

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
        return cls(
            model.engine,
            model.labels,
            model.preset,
            weights=model.weights,
            parameters=model.facts,
            measure_batches=settings.max_batch == "auto",
        )

    @property
    def streams(self) -> int:
        """Batches that may run at the same time, each on a thread of its own."""
        return self._engine.streams

    def batches(self, lanes: Executor) -> BatchRunner:
        """Return what joins concurrent calls into batches; after `warm_up`.

        Args:
            lanes: has as many threads as there are streams; where there is one, the thread that loaded the model.
        """
        return BatchRunner(self._engine.infer, lanes, count=self.streams, max_batch=self._engine.max_batch)

    async def classify(
        self, images: list[PreparedImage], batches: BatchRunner
    ) -> tuple[list[Classes | ScoringError], dict[str, float]]:
        """Classify images, together with those of other calls; see `score`.

        Returns:
            What `score` returns; and seconds: `queue` until they went into the network, `infer` from then.
        """
        errors, valid = self._checked(images)
        scored, seconds = _failures(valid), {}
        if valid:
            with _logging_failure(valid):
                inferred = await batches.submit(_pixels(valid))
                scored = self._tops(inferred.probabilities, valid)
                seconds = {"queue": inferred.queue_seconds, "infer": inferred.infer_seconds}
        return _merged(errors, scored), seconds

    def score(self, images: list[PreparedImage]) -> list[Classes | ScoringError]:
        """Classify images by themselves, on this thread.

        Returns:
            For each image its classes or its own error: InvalidInput for another shape than the model's,
            ModelError where the network failed.
        """
        errors, valid = self._checked(images)
        scored = _failures(valid)
        if valid:
            with _logging_failure(valid):
                scored = self._tops(self._engine.infer(_pixels(valid)), valid)
        return _merged(errors, scored)

    @property
    def engine(self) -> Engine:
        """What runs the network; for one caller at a time."""
        return self._engine

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
            parameters=self._parameters | facts | {"classes": len(self._labels), "max_batch": self._engine.max_batch},
            preset=self._preset,
        )

    def warm_up(self) -> None:
        """Classify an image, so that the first request finds everything in place.

        Raises:
            StartupError: the network fails, or gives no probabilities.
        """
        try:
            self._fit_batches()
            self._engine.warm_up()
        except RuntimeError:
            logger.exception("The network failed on its first image.")
            raise StartupError("The image model cannot classify: the network failed on its first image.") from None
        grey = np.full((self._preset.crop, self._preset.crop, 3), 127, dtype=np.uint8)
        (result,) = self.score([PreparedImage(grey)])
        if isinstance(result, ScoringError):
            raise StartupError(f"The image model cannot classify: {result.message}")

    def _fit_batches(self) -> None:
        """Set the size of batches by what was measured, now or at an earlier start."""
        if not self._measure_batches:
            return
        side, facts = self._preset.crop, self._engine.describe()
        architecture = self._parameters.get("architecture", "")
        kept = CurveCache(facts | {"architecture": architecture, "classes": len(self._labels), "side": side})
        curve = kept.find()
        if curve is None:
            curve = measure_curve(self._engine, side, largest=self._engine.max_batch)
            kept.store(curve)
        self._engine.max_batch = pick_size(curve)
        self._parameters = self._parameters | {"images_per_second": told(curve)}
        logger.info("Images per second by size of a batch: %s; batches have up to %d.", told(curve), pick_size(curve))

    def _checked(self, images: list[PreparedImage]) -> tuple[list[InvalidInput | None], list[PreparedImage]]:
        """Return what is wrong with each image, and those with which nothing is."""
        errors = [self._problem(image) for image in images]
        return errors, [image for image, error in zip(images, errors, strict=True) if error is None]

    def _problem(self, image: PreparedImage) -> InvalidInput | None:
        expected = (self._preset.crop, self._preset.crop, 3)
        if image.pixels.shape == expected and image.pixels.dtype == np.uint8:
            return None
        return InvalidInput(
            f"The model takes images of {expected} uint8, not {image.pixels.shape} {image.pixels.dtype}."
        )

    def _tops(self, probabilities: NDArray[np.float32], images: list[PreparedImage]) -> list[Classes | ModelError]:
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


def _pixels(images: list[PreparedImage]) -> NDArray[np.uint8]:
    return np.stack([image.pixels for image in images])


@contextmanager
def _logging_failure(images: list[PreparedImage]) -> Iterator[None]:
    """Log where the network fails, and go on."""
    try:
        yield
    except RuntimeError:
        logger.exception("The network failed on %d images.", len(images))


def _failures(images: list[PreparedImage]) -> list[Classes | ModelError]:
    return [ModelError("The model failed on this image.") for _ in images]


def _merged(
    errors: list[InvalidInput | None], scored: Sequence[Classes | ScoringError]
) -> list[Classes | ScoringError]:
    """Put results in the places of images that have no error."""
    results = iter(scored)
    return [next(results) if error is None else error for error in errors]
