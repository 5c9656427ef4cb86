"""The gateway's application: `serve_app.app:build`."""

from __future__ import annotations

import os
from typing import Any

from ray.serve import Application

from deployments.autoscaling import ingress_options
from deployments.ingress.deployment import INGRESS
from deployments.ingress.routing.settings import TableSettings, parse
from deployments.scaling import resources
from serve_app.fast_mode import warn_if_slow
from serve_app.settings import GatewaySettings, ServiceSettings


def build(args: dict[str, Any]) -> Application:
    """Build the gateway from the `args` of its application in Ray Serve's config file; see `GatewaySettings`.

    The models are in the `user_config` of the deployment `ingress`, which may change while it runs; here they are those
    of a service without any settings.

    Raises:
        StartupError: the settings are not valid.
    """
    warn_if_slow()
    return bind(parse(args, os.environ, GatewaySettings))


def bind(gateway: GatewaySettings) -> Application:
    """Bind the gateway, with the models of a service without any settings."""
    settings = ServiceSettings(profile=gateway.profile, ingress=gateway.ingress)
    return INGRESS.options(
        ray_actor_options=resources(settings.ingress.scaling),
        graceful_shutdown_timeout_s=settings.drain_seconds,
        logging_config=settings.ingress.logging.for_ray(),
        user_config=TableSettings().model_dump(mode="json", exclude_unset=True),
        **ingress_options(settings.ingress.scaling, max_requests=settings.ingress.max_requests),
    ).bind(settings.ingress_settings(), settings.surroundings)
