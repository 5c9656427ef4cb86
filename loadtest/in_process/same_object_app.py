"""The application with a scikit-learn object in its FAQ stage; loaded where Ray runs already."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from ray import serve

from deployments.contracts import Matches, ModelDescription, Question, Tensor
from deployments.errors import ScoringError
from deployments.faq_matcher import deployment
from deployments.faq_matcher.deployment import FaqMatcherReplica
from deployments.faq_matcher.settings import FaqMatcherSettings
from deployments.ingress.deployment import IngressReplica
from loadtest.peers.models.faq import TOP_K, Faq
from serve_app import app

if TYPE_CHECKING:
    from ray.serve import Application, Deployment

    from deployments.faq_matcher.model import FaqModel

FILE = "SAME_OBJECT"


class SameObject:
    """The object as the FAQ stage's model: all questions of a call are one list for it.

    Args:
        faq: the object.
    """

    def __init__(self, faq: Faq) -> None:
        self._faq = faq

    def score(self, questions: Sequence[Question]) -> list[Matches | ScoringError]:
        """Rank the originals for each question."""
        most = max(question.top_k or TOP_K for question in questions)
        found = self._faq.match([question.text for question in questions], most)
        return [_matches(rows[: question.top_k or TOP_K]) for question, rows in zip(questions, found, strict=True)]

    def describe(self) -> ModelDescription:
        """Tell what it is."""
        return ModelDescription(
            platform="scikit-learn",
            weights="trained",
            inputs=(Tensor("question", "BYTES", (-1,)),),
            outputs=(Tensor("probabilities", "FP32", (-1, -1)),),
            parameters={"originals": len(self._faq.ids)},
        )


class SameObjectReplica(FaqMatcherReplica):
    """The product's replica with the object in place of its model."""

    def _model_of(self, _: FaqMatcherSettings) -> FaqModel:
        return cast("FaqModel", SameObject(Faq(os.environ[FILE])))


class SameObjectIngress(IngressReplica):
    """The gateway's replica, in whose process FAQ models are the object."""

    def __init__(self, *arguments: Any) -> None:
        deployment.FAQ_MATCHER = cast("Deployment", serve.deployment(SameObjectReplica))
        super().__init__(*arguments)


def build(args: dict[str, Any]) -> Application:
    """Build the product's gateway with the object as its FAQ model; this process builds no other."""
    app.INGRESS = cast(  # type: ignore[attr-defined]
        "Deployment", serve.deployment(serve.ingress()(SameObjectIngress), name="ingress")
    )
    return app.build(args)


def _matches(rows: list[tuple[Any, Any, float]]) -> Matches:
    ids, answer_ids, probabilities = (list(column) for column in zip(*rows, strict=True))
    return Matches(ids=ids, answer_ids=answer_ids, probabilities=probabilities)
