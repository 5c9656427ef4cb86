"""Image preprocessing as a Ray Serve deployment, in front of a classifier."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

from ray import serve
from ray.serve import Deployment
from ray.serve.handle import DeploymentHandle

from deployments.contracts import (
    Classes,
    EncodedImage,
    ModelDescription,
    Outcome,
    PixelImage,
    PreparedImage,
    Reply,
    Tensor,
)
from deployments.errors import ScoringError, StartupError
from deployments.preprocess.settings import PreprocessSettings
from deployments.replica import replica_id
from deployments.scaling import ScalingSettings
from deployments.stage_client import StageClient
from deployments.stage_load import REQUESTS_IN_FLIGHT, StageLoad

# Loading a large model on a slow machine, a download of its weights included.
CLASSIFIER_START_SECONDS = 900

# What this stage takes beside what the classifier does: image files.
ENCODED_IMAGES = Tensor("image", "BYTES", (-1,))


class PreprocessReplica:
    """Turns image files into pixels and has them classified.

    The pixels go straight to the classifier, so that they cross one process boundary and not two.
    """

    async def __init__(  # type: ignore[misc]  # Ray Serve awaits it
        self,
        settings: PreprocessSettings,
        classifier: DeploymentHandle[Any],
        classifier_scaling: ScalingSettings,
    ) -> None:
        # Here, so that nodes without Pillow can build the application.
        from deployments.preprocess.preparation import Preprocessor

        self._classifier = StageClient[PreparedImage, Classes](classifier, classifier_scaling, weigh=_size)
        description = await self._classifier.describe(CLASSIFIER_START_SECONDS)
        if description.preset is None:
            raise StartupError("The classifier does not say how it wants its images.")
        self._preprocessor = Preprocessor(settings, description.preset)
        self._decoders = ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="decoder")
        self._load = StageLoad()
        self._replica = replica_id()

    async def score(self, images: list[EncodedImage | PixelImage], waited_seconds: list[float]) -> Reply[Classes]:
        """Prepare and classify each image; see the contract of a stage."""
        with self._load.count(waited_seconds):
            outcomes = await asyncio.gather(*map(self._score_one, images))
        return Reply(outcomes, self._replica)

    async def _score_one(self, image: EncodedImage | PixelImage) -> Outcome[Classes]:
        loop = asyncio.get_running_loop()
        prepared = await loop.run_in_executor(self._decoders, self._preprocessor.prepare, image)
        if isinstance(prepared.result, ScoringError):
            return Outcome(prepared.result, prepared.seconds)
        try:
            classified = await self._classifier.submit(prepared.result)
        except ScoringError as error:
            return Outcome(error, prepared.seconds)
        return Outcome(classified.result, {**prepared.seconds, **classified.seconds}, classified.weights)

    async def describe(self) -> ModelDescription:
        """Tell what the classifier has loaded, and that it may be asked with files: ready are all stages or none."""
        description = await self._classifier.describe(CLASSIFIER_START_SECONDS)
        return replace(description, inputs=(ENCODED_IMAGES, *description.inputs))

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Report load to the autoscaling policy; Ray Serve calls this."""
        return {REQUESTS_IN_FLIGHT: self._load.average()}


def _size(image: PreparedImage) -> int:
    return image.pixels.nbytes


PREPROCESS = cast("Deployment", serve.deployment(PreprocessReplica))
