"""A model with a signature as a stage: a Ray Serve deployment, or in the gateway's process."""

from __future__ import annotations

import time
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from ray import serve
from ray.serve import Deployment

from deployments.brief_work import BriefWork
from deployments.contracts import CallLimits, ModelDescription, Outcome, Reply
from deployments.deadlines import InTime, deadlines_of
from deployments.errors import ScoringError
from deployments.replica import replica_id
from deployments.signature import Signature
from deployments.stage_load import REQUESTS_IN_FLIGHT, StageLoad
from deployments.telemetry.replica import observe_stage

if TYPE_CHECKING:
    from deployments.tensor_model.items import TensorItem, TensorResult


class TensorModelReplica:
    """Scores requests with a model that takes and gives arrays.

    Args:
        model: where its class is, as in `package.module:Class`.
        signature: what it takes and gives.
        settings: of the version, which the class gets.
        platform: the library that runs it.
        calls: how this stage is to be called.
    """

    def __init__(
        self, model: str, signature: Signature, settings: Any, platform: str, calls: CallLimits | None = None
    ) -> None:
        # Here, so that nodes without NumPy can build the application.
        from deployments.tensor_model.runner import Runner

        module, _, name = model.partition(":")
        self._runner = Runner(getattr(import_module(module), name)(settings), signature)
        # Ready means that the model has answered the example of its signature, as the signature says.
        self._runner.check_example()
        self._description = ModelDescription(platform, "trained", signature.inputs, signature.outputs, calls=calls)
        self._load = StageLoad()
        self._replica = replica_id()
        observe_stage(self._load)
        self._work = BriefWork("tensor-model")

    async def score(
        self, items: list[TensorItem], waited_seconds: list[float], left_seconds: list[float] | None = None
    ) -> Reply[TensorResult]:
        """Score each request; see the contract of a stage."""
        deadlines = deadlines_of(left_seconds, len(items))
        with self._load.count(waited_seconds):
            started = time.perf_counter()
            results = await self._work.run(partial(self._score_in_time, items, deadlines))
            infer = time.perf_counter() - started
        return Reply([Outcome(result, {"infer": infer}) for result in results], self._replica)

    def score_now(self, items: list[TensorItem]) -> list[Outcome[TensorResult]] | None:
        """Score requests at once, if that is as brief as it was of late; for a caller in the same process."""
        started = time.perf_counter()
        results = self._work.try_now(partial(self._runner.run, items))
        if results is None:
            return None
        infer = time.perf_counter() - started
        return [Outcome(result, {"infer": infer}) for result in results]

    def _score_in_time(self, items: list[TensorItem], deadlines: list[float]) -> list[TensorResult | ScoringError]:
        wanted = InTime.of(items, deadlines)
        return [*wanted.among_all(self._runner.run(wanted.items) if wanted.items else [])]

    async def describe(self) -> ModelDescription:
        """Tell what is loaded."""
        return self._description

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Report load to the autoscaling policy; Ray Serve calls this."""
        return {REQUESTS_IN_FLIGHT: self._load.average()}


TENSOR_MODEL = cast("Deployment", serve.deployment(TensorModelReplica))
