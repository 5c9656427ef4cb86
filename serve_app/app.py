"""The application: `serve_app.app:build` binds every deployment."""

from __future__ import annotations

import os
from typing import Any

from ray.serve import Application

from deployments.autoscaling import ingress_options
from deployments.ingress.deployment import INGRESS
from deployments.kinds import BoundVersion, find_kind
from deployments.scaling import resources
from serve_app.fast_mode import warn_if_slow
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
    settings = settings.with_room_for_hosted()
    return INGRESS.options(
        ray_actor_options=resources(settings.ingress.scaling),
        graceful_shutdown_timeout_s=settings.drain_seconds,
        logging_config=settings.ingress.logging.for_ray(),
        user_config=settings.ingress_settings().model_dump(mode="json"),
        **ingress_options(settings.ingress.scaling, max_requests=settings.ingress.max_requests),
    ).bind(_versions(settings), settings.ingress.quotas.redis_url)


def _versions(settings: ApplicationSettings) -> list[BoundVersion]:
    return [
        find_kind(model.kind).bind(model.name, version, settings.surroundings)
        for model in settings.models
        for version in model.versions
    ]
