"""A service of `scoring serve` on this machine, as the commands that change it see it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from deployments.errors import StartupError
from serve_app.config_file import read_config
from serve_app.models.changing import Target
from serve_app.service_record import RunningService, find_service, service_of
from serve_app.settings import DRAIN_MARGIN_SECONDS

POLL_SECONDS = 0.1
ANSWER_SECONDS = 5
# Loading a large model, with a download before.
START_SECONDS = 1200 + DRAIN_MARGIN_SECONDS


class LocalTarget(Target):
    """A config file of this machine, and the service that runs from it, if one does.

    Args:
        config: the file; None for that of the service.
        port: of the service; None for the only one.

    Raises:
        StartupError: neither names one.
    """

    def __init__(self, config: Path | None, port: int | None) -> None:
        service = find_service(port) if config is None else service_of(config)
        self.path = config or Path(service.config if service else "")
        self.port = service.port if service else None

    def service(self) -> RunningService | None:
        """Return the service that runs; None without one."""
        return None if self.port is None else find_service(self.port)

    def failures(self) -> Mapping[str, str]:
        """Ask the service; where that wants a key, take what it said of its last change."""
        service = self.service()
        if service is None:
            return {}
        failed = {}
        with httpx.Client(base_url=service.url, trust_env=False, timeout=ANSWER_SECONDS) as client:
            for model, version in read_config(self.path).settings(os.environ).versions:
                try:
                    answer = client.get(f"/v2/models/{model.name}/versions/{version.name}/ready")
                    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                        failed[f"{model.name}/{version.name}"] = answer.json()["detail"]
                    elif not answer.is_success:
                        return service.failed
                except (httpx.TransportError, ValueError, KeyError):
                    return service.failed
        return failed

    def apply(self, text: bytes, note: str) -> Mapping[str, str]:  # noqa: ARG002
        """Wait until the service, which looks at its file all the time, has taken it over."""
        until = time.monotonic() + START_SECONDS
        while (service := self.service()) is not None:
            if service.has_seen(text):
                if service.problem:
                    raise StartupError(service.problem)
                return service.failed
            if self.path.read_bytes() != text:
                raise StartupError(f"{self.path} was changed by somebody else meanwhile; try again.")
            if time.monotonic() > until:
                raise StartupError(f"The service at {service.url} has not taken the change over.")
            time.sleep(POLL_SECONDS)
        return {}
