"""The application of one version of a model: `serve_app.version:build`."""

from __future__ import annotations

import os
from typing import Any

from ray.serve import Application

from deployments.binding import rooted
from deployments.kinds import find_kind
from serve_app.fast_mode import warn_if_slow
from serve_app.settings import parse_application


def build(args: dict[str, Any]) -> Application:
    """Build a version from the `args` of its application in Ray Serve's config file; see `VersionApplication`.

    Raises:
        StartupError: the settings are not valid.
    """
    warn_if_slow()
    application, version = parse_application(args, dict(os.environ))
    return rooted(find_kind(application.kind).bind(application.name, version, application.surroundings))
