"""The FAQ matcher as a stage: a Ray Serve deployment, or in the gateway's process."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from ray import serve
from ray.serve import Deployment

from deployments.brief_work import BriefWork
from deployments.contracts import CallLimits, Matches, ModelDescription, Outcome, Question, Reply
from deployments.deadlines import InTime, deadlines_of
from deployments.errors import ScoringError
from deployments.faq_matcher.settings import FaqMatcherSettings
from deployments.replica import replica_id
from deployments.stage_load import REQUESTS_IN_FLIGHT, StageLoad
from deployments.telemetry.replica import observe_stage

if TYPE_CHECKING:
    from deployments.faq_matcher.model import FaqModel


class FaqMatcherReplica:
    """Matches questions with the originals of an FAQ.

    Args:
        settings: where the model comes from.
        calls: how this stage is to be called.
    """

    def __init__(self, settings: FaqMatcherSettings, calls: CallLimits | None = None) -> None:
        self._model = self._model_of(settings)
        self._description = replace(self._model.describe(), calls=calls)
        self._load = StageLoad()
        self._replica = replica_id()
        observe_stage(self._load)
        self._work = BriefWork("faq-scorer")
        # Ready means that a real question has been matched, and explained: that is compiled apart, for half a second.
        self._model.score([Question("Is this replica ready?", explain=explain, top_k=1) for explain in (False, True)])

    def _model_of(self, settings: FaqMatcherSettings) -> FaqModel:
        # Here, so that nodes without NumPy can build the application.
        from deployments.faq_matcher.source import load_model

        return load_model(settings)

    async def score(
        self, questions: list[Question], waited_seconds: list[float], left_seconds: list[float] | None = None
    ) -> Reply[Matches]:
        """Match each question; see the contract of a stage."""
        deadlines = deadlines_of(left_seconds, len(questions))
        with self._load.count(waited_seconds):
            started = time.perf_counter()
            results = await self._work.run(partial(self._score_in_time, questions, deadlines))
            infer = time.perf_counter() - started
        return Reply([Outcome(result, {"infer": infer}) for result in results], self._replica)

    def score_now(self, questions: list[Question]) -> list[Outcome[Matches]] | None:
        """Match questions at once, if that is as brief as it was of late; for a caller in the same process."""
        started = time.perf_counter()
        results = self._work.try_now(partial(self._model.score, questions))
        if results is None:
            return None
        infer = time.perf_counter() - started
        return [Outcome(result, {"infer": infer}) for result in results]

    def _score_in_time(self, questions: list[Question], deadlines: list[float]) -> list[Matches | ScoringError]:
        # Only when a call's turn comes shows which of its questions are still wanted.
        wanted = InTime.of(questions, deadlines)
        return [*wanted.among_all(self._model.score(wanted.items) if wanted.items else [])]

    async def describe(self) -> ModelDescription:
        """Tell what is loaded."""
        return self._description

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Report load to the autoscaling policy; Ray Serve calls this."""
        return {REQUESTS_IN_FLIGHT: self._load.average()}


FAQ_MATCHER = cast("Deployment", serve.deployment(FaqMatcherReplica))
