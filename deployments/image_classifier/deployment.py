"""The image classifier as a Ray Serve deployment."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar, cast

from ray import serve
from ray.serve import Deployment

from deployments.contracts import Classes, ModelDescription, Outcome, PreparedImage, Reply
from deployments.deadlines import InTime, deadlines_of, has_passed, timed_out, until
from deployments.errors import ScoringError
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.replica import replica_id, reserved_cpus
from deployments.stage_load import REQUESTS_IN_FLIGHT, StageLoad
from deployments.telemetry.replica import observe_stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployments.image_classifier.classifier import ImageClassifier

ResultT = TypeVar("ResultT")


class ImageClassifierReplica:
    """Classifies prepared images."""

    def __init__(self, settings: ImageClassifierSettings, *, allow_untrained: bool) -> None:
        from deployments.image_classifier.explanation.explainer import Explainer

        # The model is loaded on the thread that runs it: OpenMP keeps threads for each that computes, and where they
        # outnumber the cores, all of them sleep instead of spinning between the layers of a network. That made
        # inference slower by a quarter. Engines with threads of their own are indifferent to this, but their first
        # start converts the network with PyTorch.
        lanes = ThreadPoolExecutor(1, thread_name_prefix="image-classifier")
        threads = settings.threads or reserved_cpus()
        settings = settings.model_copy(update={"threads": threads})
        self._classifier = lanes.submit(_loaded, settings, allow_untrained).result()
        if self._classifier.streams > 1:
            lanes.shutdown()
            lanes = ThreadPoolExecutor(self._classifier.streams, thread_name_prefix="image-classifier")
        # Calls of all callers meet here; Ray Serve runs `score` of each on one event loop.
        self._lanes = lanes
        self._batches = self._classifier.batches(lanes)
        self._description = self._classifier.describe()
        self._explainer = Explainer(self._classifier, settings.explanations, self._batches, self._on_lane)
        self._load = StageLoad()
        self._replica = replica_id()
        observe_stage(self._load)

    async def score(
        self, images: list[PreparedImage], waited_seconds: list[float], left_seconds: list[float] | None = None
    ) -> Reply[Classes]:
        """Classify each image; see the contract of a stage."""
        deadlines = deadlines_of(left_seconds, len(images))
        wanted = InTime.of(images, deadlines)
        with self._load.count(waited_seconds):
            results, seconds = await self._classified(wanted.items, max(deadlines))
        weights = self._description.weights
        outcomes: list[Outcome[Classes]]
        outcomes = [Outcome(result, dict(seconds), weights) for result in wanted.among_all(results)]
        return Reply(outcomes, self._replica)

    async def _classified(
        self, images: list[PreparedImage], deadline: float
    ) -> tuple[list[Classes | ScoringError], dict[str, float]]:
        """Classify what is still wanted; a call that waits for the network beyond `deadline` leaves without."""
        if not images:
            return [], {}
        try:
            async with until(deadline):
                return await self._classifier.classify(images, self._batches)
        except TimeoutError:
            return [timed_out() for _ in images], {}

    async def explain(
        self, images: list[PreparedImage], waited_seconds: list[float], left_seconds: list[float] | None = None
    ) -> Reply[Classes]:
        """Classify each image and tell where the network looked; see the contract of a stage."""
        deadlines = deadlines_of(left_seconds, len(images))
        with self._load.count(waited_seconds):
            outcomes = await asyncio.gather(*map(self._explain_one, images, deadlines))
        return Reply(outcomes, self._replica)

    async def _explain_one(self, image: PreparedImage, deadline: float) -> Outcome[Classes]:
        try:
            async with until(deadline):
                return Outcome(timed_out()) if has_passed(deadline) else await self._explainer.explain(image)
        except TimeoutError:
            return Outcome(timed_out())

    async def _on_lane(self, function: Callable[[], ResultT]) -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(self._lanes, function)

    async def describe(self) -> ModelDescription:
        """Tell what is loaded."""
        return self._description

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Report load to the autoscaling policy; Ray Serve calls this."""
        return {REQUESTS_IN_FLIGHT: self._load.average()}


def _loaded(settings: ImageClassifierSettings, allow_untrained: bool) -> ImageClassifier:  # noqa: FBT001
    # Here, so that nodes without an engine can build the application.
    from deployments.image_classifier.classifier import ImageClassifier

    classifier = ImageClassifier.load(settings, allow_untrained=allow_untrained)
    # Ready means that a real inference has run.
    classifier.warm_up()
    return classifier


IMAGE_CLASSIFIER = cast("Deployment", serve.deployment(ImageClassifierReplica))
