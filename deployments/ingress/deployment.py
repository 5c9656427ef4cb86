"""The gateway as a Ray Serve deployment."""

from __future__ import annotations

import logging
import os
from typing import Any, cast

from ray import serve
from ray.serve import Deployment
from starlette.types import ASGIApp

from deployments.applications import connect, failure_of
from deployments.errors import StartupError
from deployments.ingress.app import CurrentApp, build_app
from deployments.ingress.door import Door
from deployments.ingress.oip.grpc.methods import InferenceMethods
from deployments.ingress.oip.grpc.service import InferenceService
from deployments.ingress.outermost import SHORT_WAY
from deployments.ingress.quotas.quotas import Quotas
from deployments.ingress.routing.routing import Applications, Routing
from deployments.ingress.routing.settings import parse_table
from deployments.ingress.routing.table import ModelTable
from deployments.ingress.settings import IngressSettings
from deployments.kinds import Surroundings
from deployments.replica import replica_id
from deployments.stage_load import REQUESTS_IN_FLIGHT
from deployments.telemetry.observer import Observer
from deployments.telemetry.replica import replica_tasks

logger = logging.getLogger("ray.serve")


class IngressReplica(InferenceMethods):
    """Answers requests over HTTP and, where Ray Serve listens for it, gRPC; there is no other way in.

    Args:
        settings: limits, access, quotas, logs.
        surroundings: the service, for models of this process.
    """

    def __init__(self, settings: IngressSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._observer = Observer(replica_id(), replica_tasks())
        self._observer.configure(settings.logging, settings.tracing)
        self._observer.start()
        self._table = ModelTable()
        self._routing = Routing(self._table, surroundings, Applications(connect, failure_of))
        self._door = Door(self._limits, Quotas(self._limits, settings.quotas.redis_url))
        self._app = CurrentApp()
        self.inference = InferenceService(self._table, self._door, self._observer)

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Take over the table of models without a new replica; Ray Serve calls this at the start too.

        Raises:
            StartupError: at the start, if the table is not valid or none of its models can be loaded.
        """
        try:
            await self._routing.apply(parse_table(user_config, os.environ))
        except StartupError:
            if not self._app.is_there:
                raise
            # Half a table is worse than the one that answers now.
            logger.exception("The table of models stays as it was.")
            return
        app = build_app(self._table, self._door, self._observer)
        self._app.replace(app)
        SHORT_WAY.open(app, app.scoring_paths)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Return what answers with the newest table; Ray Serve asks for it once, before there is one."""
        return self._app

    def record_autoscaling_stats(self) -> dict[str, float]:
        """Report load to the autoscaling policy; Ray Serve calls this."""
        return {REQUESTS_IN_FLIGHT: self._observer.load.average() + SHORT_WAY.waiting.average()}

    def __del__(self) -> None:
        """Flush logs and traces, waiting a few seconds at most; Ray Serve calls this before a replica ends."""
        # Python calls it too, also where the constructor did not come so far.
        if (observer := getattr(self, "_observer", None)) is not None:
            observer.stop()

    def _limits(self) -> IngressSettings:
        return self._settings


# Not as decorators, so that the class keeps its name: Ray Serve pickles a subclass of it.
INGRESS = cast("Deployment", serve.deployment(serve.ingress()(IngressReplica), name="ingress"))
