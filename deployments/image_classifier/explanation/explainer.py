"""Classes of an image with where the network saw one of them, at a bounded cost beside other work."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from deployments.contracts import Classes, ImageExplanation, Outcome, PreparedImage
from deployments.errors import InvalidInput, ModelError, RequestTimeout, ScoringError
from deployments.image_classifier.engines.engine import GradCamEngine
from deployments.image_classifier.explanation.occlusion import Heat, Pixels, drops
from deployments.image_classifier.settings import ExplanationSettings

if TYPE_CHECKING:
    from deployments.image_classifier.batching import BatchRunner
    from deployments.image_classifier.classifier import ImageClassifier

logger = logging.getLogger("ray.serve")

Method = Literal["grad-cam", "occlusion"]

# Runs a function where the engine may be used, after what waits there already.
OnEngine = Callable[[Callable[[], Any]], Awaitable[Any]]


class Explainer:
    """Explains images for one classifier: with Grad-CAM where the engine can, else by occlusion.

    Its work goes to the engine in small steps, so that other requests get in between. That it classifies the image is
    as urgent as any request; inferences of an occlusion let others go first.

    Args:
        classifier: what to explain.
        settings: the limits.
        batches: of the classifier, shared with other requests.
        on_engine: runs Grad-CAM, which is more than inference.
    """

    def __init__(
        self, classifier: ImageClassifier, settings: ExplanationSettings, batches: BatchRunner, on_engine: OnEngine
    ) -> None:
        description = classifier.describe()
        assert description.preset is not None  # noqa: S101 - that of images always has one
        self._classifier = classifier
        self._settings = settings
        self._batches = batches
        self._on_engine = on_engine
        self._weights = description.weights
        self._classes = int(description.parameters["classes"])
        self._grey = np.round(np.multiply(description.preset.mean, 255)).astype(np.uint8)
        self._slots = asyncio.Semaphore(settings.at_once)

    async def explain(self, image: PreparedImage) -> Outcome[Classes]:
        """Classify one image and explain the class that it asks for.

        Returns:
            Its classes with the explanation, or its own error: InvalidInput for an image or a class that the model does
            not have, RequestTimeout where it took too long, ModelError where the network failed.
        """
        if problem := self._problem(image):
            return Outcome(problem, weights=self._weights)
        arrived = time.perf_counter()
        async with self._slots:
            started = time.perf_counter()
            result = await self._explained(image)
        seconds = {"queue": started - arrived, "explain": time.perf_counter() - started}
        return Outcome(result, seconds, self._weights)

    async def _explained(self, image: PreparedImage) -> Classes | ScoringError:
        limit = self._settings.timeout_seconds
        try:
            async with asyncio.timeout(limit):
                return await self._try(image)
        except TimeoutError:
            return RequestTimeout(f"The explanation was not ready within {limit:g} seconds.")
        except ScoringError as error:
            return error
        except RuntimeError:
            logger.exception("The network failed while it was explained.")
            return ModelError("The model failed on this image.")

    async def _try(self, image: PreparedImage) -> Classes:
        every = await self._every_class(image)
        place = every.indices.index(image.explain) if isinstance(image.explain, int) else 0
        index, label, probability = every.indices[place], every.labels[place], every.probabilities[place]
        method, heat = await self._heat(image.pixels, index, probability)
        explanation = _explanation(index, label, probability, method, heat)
        kept = slice(max(image.top_k, 1))
        return Classes(every.indices[kept], every.labels[kept], every.probabilities[kept], explanation)

    def _problem(self, image: PreparedImage) -> InvalidInput | None:
        if isinstance(image.explain, int) and not 0 <= image.explain < self._classes:
            return InvalidInput(
                f"The model has no class {image.explain} to explain; its classes are 0 to {self._classes - 1}."
            )
        return None

    async def _every_class(self, image: PreparedImage) -> Classes:
        whole = replace(image, top_k=self._classes)
        ((result,), _) = await self._classifier.classify([whole], self._batches)
        if isinstance(result, ScoringError):
            raise result
        return result

    async def _heat(self, pixels: Pixels, index: int, probability: float) -> tuple[Method, Heat]:
        engine = self._classifier.engine
        if isinstance(engine, GradCamEngine):
            heat = await self._on_engine(lambda: engine.grad_cam(pixels, index))
            if heat is not None:
                return "grad-cam", heat
        heat = await drops(
            pixels,
            index,
            probability,
            partial(self._batches.infer, urgent=False),
            grid=self._settings.grid,
            colour=self._grey,
        )
        return "occlusion", heat


def _explanation(index: int, label: str, probability: float, method: Method, heat: Heat) -> ImageExplanation:
    if not np.isfinite(heat).all():
        raise ModelError("The model gave no numbers for the explanation of this image.")
    heat = heat.clip(min=0)
    largest = float(heat.max())
    return ImageExplanation(
        class_index=index,
        label=label,
        probability=probability,
        method=method,
        grid=_rounded(heat / largest if largest > 0 else heat),
        largest_drop=largest if method == "occlusion" else None,
    )


def _rounded(grid: Heat) -> list[list[float]]:
    return [[round(value, 4) for value in row] for row in grid.astype(np.float64).tolist()]
