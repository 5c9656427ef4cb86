"""Batch curves that were measured once on this machine, kept for the next start."""

from __future__ import annotations

import hashlib
import json

from pydantic import TypeAdapter

from deployments.cache_root import cache_root
from deployments.image_classifier.batch_curve import BatchSpeed, Curve
from deployments.image_classifier.engines.engine import Facts
from deployments.image_classifier.engines.machine import cpu_model
from deployments.image_classifier.kept_json import find_json, keep_json

CURVES = "batch-curves"

_CURVE = TypeAdapter(list[BatchSpeed])


class CurveCache:
    """One file for each network on each engine and CPU.

    Args:
        facts: all that may change the speed: engine, version, precision, device, threads, network, size of the images.
    """

    def __init__(self, facts: Facts) -> None:
        parts = {"cpu": cpu_model(), **facts}
        key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        self._path = cache_root(CURVES) / f"{key}.json"

    def find(self) -> Curve | None:
        """Return the curve; None where there is none, or none that can be read."""
        return find_json(self._path, _CURVE) or None

    def store(self, curve: Curve) -> None:
        """Keep the curve."""
        keep_json(self._path, _CURVE, list(curve), "The batch curve")
