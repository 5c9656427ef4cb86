"""GPUs of the cluster."""

from __future__ import annotations

import sys


def gpus_of_ray() -> float | None:
    """Return the GPUs of the cluster that this process is connected to; None without one."""
    # Not imported here: Ray reads its environment variables when it is imported, and they may not be set yet.
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return None
    resources: dict[str, float] = ray.cluster_resources()
    return resources.get("GPU", 0)
