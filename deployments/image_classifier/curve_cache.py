"""Batch curves that were measured once on this machine, kept for the next start."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from deployments.cache_root import cache_root
from deployments.image_classifier.batch_curve import BatchSpeed, Curve
from deployments.image_classifier.engines.engine import Facts
from deployments.image_classifier.engines.machine import cpu_model

logger = logging.getLogger("ray.serve")

CURVES = "batch-curves"

_CURVE = TypeAdapter(list[BatchSpeed])


class CurveCache:
    """One file for each network on each engine and CPU.

    Processes may share it: a file appears when it is complete. A cache that cannot be written or read costs the next
    start its measurement and nothing else.

    Args:
        facts: all that may change the speed: engine, version, precision, device, threads, network, size of the images.
    """

    def __init__(self, facts: Facts) -> None:
        parts = {"cpu": cpu_model(), **facts}
        key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        self._path = cache_root(CURVES) / f"{key}.json"

    def find(self) -> Curve | None:
        """Return the curve; None where there is none, or none that can be read."""
        try:
            return _CURVE.validate_json(self._path.read_bytes()) or None
        except (OSError, ValidationError):
            return None

    def store(self, curve: Curve) -> None:
        """Keep the curve."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._path.parent, prefix="partial-", delete=False) as file:
                partial = Path(file.name)
                try:
                    file.write(_CURVE.dump_json(list(curve)))
                    file.flush()
                    partial.replace(self._path)
                finally:
                    partial.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("The batch curve cannot be kept in %s: %s.", self._path.parent, error.strerror or error)
