"""The application: `serve_app.app:build` binds every deployment."""

from __future__ import annotations

import os
from typing import Any

from ray.serve import Application

from deployments.autoscaling import ingress_options
from deployments.ingress.deployment import INGRESS
from deployments.scaling import resources
from serve_app.fast_mode import warn_if_slow
from serve_app.kinds import KINDS, drain_seconds, settled
from serve_app.settings import ApplicationSettings, parse_settings


def build(args: dict[str, Any]) -> Application:
    """Build the application from the `args` of Ray Serve's config file; see `ApplicationSettings`.

    Raises:
        StartupError: the settings are not valid.
    """
    warn_if_slow()
    return bind(parse_settings(args, dict(os.environ)))


def bind(settings: ApplicationSettings) -> Application:
    """Bind the ingress to every version of every model."""
    settings = settled(settings)
    versions = [bound for model in settings.models for bound in KINDS[model.kind](model, settings)]
    return INGRESS.options(
        ray_actor_options=resources(settings.ingress.scaling),
        graceful_shutdown_timeout_s=drain_seconds(settings),
        logging_config=settings.ingress.logging.for_ray(),
        user_config=settings.ingress_settings().model_dump(mode="json"),
        **ingress_options(settings.ingress.scaling, max_requests=settings.ingress.max_requests),
    ).bind(versions, settings.ingress.quotas.redis_url)
