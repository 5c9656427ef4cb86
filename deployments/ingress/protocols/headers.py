"""Headers of answers that tell who answered, and where time went."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

MODEL_NAME = "x-model-name"
MODEL_VERSION = "x-model-version"
MODEL_WEIGHTS = "x-model-weights"
SERVER_TIMING = "server-timing"

RawHeaders = list[tuple[bytes, bytes]]


def model_headers(model: str, version: str, weights: str, seconds: Mapping[str, float], total: float) -> RawHeaders:
    """Return the headers; times in seconds, by step and in all."""
    timing = server_timing(seconds, total).encode()
    return [*_of_version(model, version, weights), (b"server-timing", timing)]


@lru_cache(maxsize=4096)
def _of_version(model: str, version: str, weights: str) -> RawHeaders:
    told = {MODEL_NAME: model, MODEL_VERSION: version, MODEL_WEIGHTS: weights}
    return [(name.encode(), value.encode()) for name, value in told.items()]


def server_timing(seconds: Mapping[str, float], total: float) -> str:
    """Return the header Server-Timing (https://www.w3.org/TR/server-timing/), in milliseconds."""
    steps = [f"{step};dur={duration * 1000:.2f}" for step, duration in seconds.items()]
    return ", ".join([*steps, f"total;dur={total * 1000:.2f}"])
