"""The ingress as a Ray Serve deployment."""

from __future__ import annotations

from typing import Any, cast

from pydantic import SecretStr
from ray import serve
from ray.serve import Deployment
from starlette.types import ASGIApp

from deployments.hosted import Hosted
from deployments.ingress.app import build_app
from deployments.ingress.door import Door
from deployments.ingress.models import Model, ModelTable, Version
from deployments.ingress.oip.grpc.methods import InferenceMethods
from deployments.ingress.oip.grpc.service import InferenceService
from deployments.ingress.outermost import SHORT_WAY
from deployments.ingress.quotas.quotas import Quotas
from deployments.ingress.settings import IngressSettings
from deployments.kinds import BoundVersion, find_kind
from deployments.replica import replica_id
from deployments.stage_client import StageClient
from deployments.stage_load import REQUESTS_IN_FLIGHT
from deployments.telemetry.observer import Observer
from deployments.telemetry.replica import replica_tasks


class IngressReplica(InferenceMethods):
    """Answers requests over HTTP and, where Ray Serve listens for it, gRPC; there is no other way in."""

    async def __init__(  # type: ignore[misc]  # Ray Serve awaits it
        self, versions: list[BoundVersion], redis_url: SecretStr | None = None
    ) -> None:
        self._settings = IngressSettings()
        self._observer = Observer(replica_id(), replica_tasks())
        self._observer.start()
        self._table = ModelTable(await _models(versions))
        # The URL is not with the other settings, which Ray shows to whoever asks it for a deployment's.
        self._door = Door(self._limits, Quotas(self._limits, redis_url))
        self.inference = InferenceService(self._table, self._door, self._observer)

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Take over changed limits without a new replica; Ray Serve calls this at the start too."""
        self._settings = IngressSettings.model_validate(user_config)
        self._observer.configure(self._settings.logging, self._settings.tracing)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        app = build_app(self._table, self._door, self._observer)
        SHORT_WAY.open(app, app.scoring_paths)
        return app

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Report load to the autoscaling policy; Ray Serve calls this."""
        return {REQUESTS_IN_FLIGHT: self._observer.load.average() + SHORT_WAY.waiting.average()}

    def __del__(self) -> None:
        """Write and send what is left; Ray Serve calls this before a replica ends."""
        self._observer.stop()

    def _limits(self) -> IngressSettings:
        return self._settings


async def _models(versions: list[BoundVersion]) -> list[Model]:
    by_name: dict[str, dict[str, Version]] = {}
    for bound in versions:
        by_name.setdefault(bound.model, {})[bound.version] = await _version(bound)
    kinds = {bound.model: find_kind(bound.kind) for bound in versions}
    return [Model(name, kinds[name].interface(), found) for name, found in by_name.items()]


async def _version(bound: BoundVersion) -> Version:
    stage: Any = bound.first_stage
    handle = await stage.start() if isinstance(stage, Hosted) else stage
    client = StageClient[Any, Any](
        handle, bound.scaling, weigh=find_kind(bound.kind).interface().weigh, together=bound.together
    )
    if not bound.max_explanations:
        return Version(bound.version, client)
    explainer = StageClient[Any, Any](handle, bound.scaling, method="explain", max_alone=bound.max_explanations)
    return Version(bound.version, client, explainer)


# Not as decorators, so that the class keeps its name: Ray Serve pickles a subclass of it.
INGRESS = cast("Deployment", serve.deployment(serve.ingress()(IngressReplica), name="ingress"))
