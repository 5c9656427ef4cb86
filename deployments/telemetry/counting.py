"""Requests that are over, as metrics."""

from __future__ import annotations

from deployments.telemetry.instruments import (
    REFUSALS,
    REQUEST_BYTES,
    REQUEST_SECONDS,
    REQUESTS,
    RESPONSE_BYTES,
    STEP_SECONDS,
)
from deployments.telemetry.observation import Observation

# A request that got an error without a code of ours.
OTHER = "other"
FIRST_ERROR = 400


def count(observation: Observation) -> None:
    """Count one request."""
    model, version, protocol = observation.model, observation.version, observation.protocol
    REQUESTS.add(1, (model, version, protocol, str(observation.status)))
    REQUEST_SECONDS.observe(observation.duration, (model, version, protocol))
    for step, seconds in observation.seconds.items():
        STEP_SECONDS.observe(seconds, (model, version, step))
    if observation.reason or observation.status >= FIRST_ERROR:
        REFUSALS.add(1, (model, version, protocol, observation.reason or OTHER))
    if observation.bytes_in:
        REQUEST_BYTES.add(observation.bytes_in, (model, protocol))
    if observation.bytes_out:
        RESPONSE_BYTES.add(observation.bytes_out, (model, protocol))
