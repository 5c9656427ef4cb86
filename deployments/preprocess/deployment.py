"""Image preprocessing in front of a classifier: a Ray Serve deployment, or in the gateway's process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ray import serve
from ray.serve import Deployment
from ray.serve.handle import DeploymentHandle

from deployments.contracts import (
    CallLimits,
    Classes,
    EncodedImage,
    ModelDescription,
    Outcome,
    PixelImage,
    PreparedImage,
    Reply,
    Tensor,
)
from deployments.deadlines import deadlines_of, has_passed, timed_out
from deployments.errors import Overloaded, ScoringError, StartupError
from deployments.preprocess.settings import PreprocessSettings
from deployments.remote_stage import handle_of
from deployments.replica import replica_id
from deployments.stage_client import StageClient
from deployments.stage_handle import StageHandle
from deployments.stage_load import REQUESTS_IN_FLIGHT, StageLoad
from deployments.telemetry.replica import observe_stage

if TYPE_CHECKING:
    from deployments.preprocess.preparation import Preprocessor

ResultT = TypeVar("ResultT")

Image = EncodedImage | PixelImage

# Loading a large model on a slow machine, a download of its weights included.
CLASSIFIER_START_SECONDS = 900

# What this stage takes beside what the classifier does: image files.
ENCODED_IMAGES = Tensor("image", "BYTES", (-1,), "image/*")


class Preprocess:
    """Turns image files into pixels and has them classified.

    The pixels go straight to the classifier, so that they cross one process boundary and not two.

    Args:
        settings: how images are decoded.
        classifier: the way to the classifier.
        classifier_calls: how it is to be called.
        calls: how this stage is to be called.
    """

    def __init__(
        self,
        settings: PreprocessSettings,
        classifier: DeploymentHandle[Any] | StageHandle,
        classifier_calls: CallLimits,
        calls: CallLimits | None = None,
    ) -> None:
        # Here, so that nodes without Pillow can build the application.
        from deployments.preprocess.heat_map import draw

        stage = handle_of(classifier)
        self._classifier = StageClient[PreparedImage, Classes](stage, classifier_calls, weigh=_size)
        self._explainer = StageClient[PreparedImage, Classes](
            stage, classifier_calls, weigh=_size, method="explain", max_alone=classifier_calls.explanations
        )
        self._draw = draw
        self._calls = calls
        self._settings = settings
        self._preprocessor: Preprocessor
        self._decoders = ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="decoder")
        self._load = StageLoad()
        self._replica = replica_id()
        observe_stage(self._load)

    async def start(self) -> None:
        """Ask the classifier how it wants its images, when it has started.

        Raises:
            StartupError: it does not say.
            Unavailable: it has not started in time.
        """
        description = await self._classifier.describe(CLASSIFIER_START_SECONDS)
        if description.preset is None:
            raise StartupError("The classifier does not say how it wants its images.")
        from deployments.preprocess.preparation import Preprocessor

        self._preprocessor = Preprocessor(self._settings, description.preset)

    async def score(
        self, images: list[Image], waited_seconds: list[float], left_seconds: list[float] | None = None
    ) -> Reply[Classes]:
        """Prepare and classify each image; see the contract of a stage."""
        deadlines = deadlines_of(left_seconds, len(images))
        with self._load.count(waited_seconds):
            outcomes = await asyncio.gather(*map(self._score_one, images, deadlines))
        return Reply(outcomes, self._replica)

    async def explain(
        self, images: list[Image], waited_seconds: list[float], left_seconds: list[float] | None = None
    ) -> Reply[Classes]:
        """Prepare each image, have it classified and explained, and draw where the network looked."""
        deadlines = deadlines_of(left_seconds, len(images))
        with self._load.count(waited_seconds):
            outcomes = await asyncio.gather(*map(self._explain_one, images, deadlines))
        return Reply(outcomes, self._replica)

    async def _score_one(self, image: Image, deadline: float) -> Outcome[Classes]:
        try:
            # Before it is decoded for nothing.
            self._classifier.check_room()
        except Overloaded as error:
            return Outcome(error)
        prepared = await self._on_decoder(self._prepare, image, deadline)
        return await _passed_on(prepared, self._classifier, deadline)

    async def _explain_one(self, image: Image, deadline: float) -> Outcome[Classes]:
        prepared = await self._on_decoder(self._prepare, image, deadline)
        outcome = await _passed_on(prepared, self._explainer, deadline)
        if isinstance(prepared.result, ScoringError) or isinstance(outcome.result, ScoringError):
            return outcome
        drawn = await self._on_decoder(self._with_heat_map, outcome.result, prepared.result)
        return Outcome(drawn, outcome.seconds, outcome.weights)

    def _prepare(self, image: Image, deadline: float) -> Outcome[PreparedImage]:
        # On a decoder's thread: images wait for one.
        return Outcome(timed_out()) if has_passed(deadline) else self._preprocessor.prepare(image)

    def _with_heat_map(self, classes: Classes, image: PreparedImage) -> Classes:
        explanation = classes.explanation
        if explanation is None:
            return classes
        heat_map = self._draw(image.pixels, explanation.grid)
        return replace(classes, explanation=replace(explanation, heat_map=heat_map))

    async def _on_decoder(self, function: Callable[..., ResultT], *arguments: Any) -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(self._decoders, function, *arguments)

    async def describe(self) -> ModelDescription:
        """Tell what the classifier has loaded, and that it may be asked with files: ready are all stages or none."""
        description = await self._classifier.describe(CLASSIFIER_START_SECONDS)
        return replace(description, inputs=(ENCODED_IMAGES, *description.inputs), calls=self._calls)

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Report load to the autoscaling policy; Ray Serve calls this."""
        return {REQUESTS_IN_FLIGHT: self._load.average()}


async def _passed_on(
    prepared: Outcome[PreparedImage], classifier: StageClient[PreparedImage, Classes], deadline: float
) -> Outcome[Classes]:
    if isinstance(prepared.result, ScoringError):
        return Outcome(prepared.result, prepared.seconds)
    try:
        classified = await classifier.submit(prepared.result, deadline=deadline)
    except ScoringError as error:
        return Outcome(error, prepared.seconds)
    return Outcome(classified.result, {**prepared.seconds, **classified.seconds}, classified.weights)


def _size(image: PreparedImage) -> int:
    return image.pixels.nbytes


class PreprocessReplica(Preprocess):
    """The stage as a replica of Ray Serve, which is ready when its constructor is done."""

    async def __init__(self, *arguments: Any) -> None:  # type: ignore[misc]  # Ray Serve awaits it
        super().__init__(*arguments)
        await self.start()


PREPROCESS = cast("Deployment", serve.deployment(PreprocessReplica))
