"""The ingress as a Ray Serve deployment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from pydantic import SecretStr
from ray import serve
from ray.serve import Application, Deployment
from ray.serve.handle import DeploymentHandle
from starlette.types import ASGIApp

from deployments.contracts import EncodedImage, PixelImage, Question
from deployments.ingress.app import build_app
from deployments.ingress.door import Door
from deployments.ingress.models import Model, ModelTable, Takes, Version
from deployments.ingress.observing import Observed
from deployments.ingress.oip.grpc.methods import InferenceMethods
from deployments.ingress.oip.grpc.service import InferenceService
from deployments.ingress.quotas.quotas import Quotas
from deployments.ingress.settings import IngressSettings
from deployments.replica import replica_id
from deployments.scaling import ScalingSettings
from deployments.stage_client import StageClient
from deployments.telemetry.observer import Observer
from deployments.telemetry.replica import replica_tasks


@dataclass(frozen=True, slots=True)
class BoundVersion:
    """A version as the builder hands it over.

    Attributes:
        model: the model's name.
        version: the version's name.
        takes: what its requests hold.
        first_stage: the stage that requests go to first; bound when the application is built, its handle in a replica.
        scaling: that stage's settings.
        max_explanations: images that one replica of the ingress may have explained at once; 0 allows none.
    """

    model: str
    version: str
    takes: Takes
    first_stage: DeploymentHandle[Any] | Application
    scaling: ScalingSettings
    max_explanations: int = 0


class IngressReplica(InferenceMethods):
    """Answers requests over HTTP and, where Ray Serve listens for it, gRPC; there is no other way in."""

    def __init__(self, versions: list[BoundVersion], redis_url: SecretStr | None = None) -> None:
        self._settings = IngressSettings()
        self._observer = Observer(replica_id(), replica_tasks())
        self._observer.start()
        self._table = ModelTable(_models(versions))
        # The URL is not with the other settings, which Ray shows to whoever asks it for a deployment's.
        self._door = Door(self._limits, Quotas(self._limits, redis_url))
        self.inference = InferenceService(self._table, self._door, self._observer)

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Take over changed limits without a new replica; Ray Serve calls this at the start too."""
        self._settings = IngressSettings.model_validate(user_config)
        self._observer.configure(self._settings.logging, self._settings.tracing)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return Observed(build_app(self._table, self._door), self._table, self._observer)

    def __del__(self) -> None:
        """Write and send what is left; Ray Serve calls this before a replica ends."""
        self._observer.stop()

    def _limits(self) -> IngressSettings:
        return self._settings


def _models(versions: list[BoundVersion]) -> list[Model]:
    by_name: dict[str, dict[str, Version]] = {}
    takes: dict[str, Takes] = {}
    for bound in versions:
        handle = cast("DeploymentHandle[Any]", bound.first_stage)
        client = StageClient[Any, Any](handle, bound.scaling, weigh=_WEIGHTS[bound.takes])
        by_name.setdefault(bound.model, {})[bound.version] = Version(bound.version, client, _explainer(bound, handle))
        takes[bound.model] = bound.takes
    return [Model(name, takes[name], versions) for name, versions in by_name.items()]


def _explainer(bound: BoundVersion, handle: DeploymentHandle[Any]) -> StageClient[Any, Any] | None:
    if not bound.max_explanations:
        return None
    return StageClient[Any, Any](handle, bound.scaling, method="explain", max_alone=bound.max_explanations)


def _size_of_image(image: EncodedImage | PixelImage) -> int:
    return len(image.content)


def _size_of_text(question: Question) -> int:
    return len(question.text)


_WEIGHTS: dict[Takes, Callable[[Any], int]] = {"text": _size_of_text, "images": _size_of_image}


# Not as decorators, so that the class keeps its name: Ray Serve pickles a subclass of it.
INGRESS = cast("Deployment", serve.deployment(serve.ingress()(IngressReplica), name="ingress"))
