"""What containers ask for, and may not exceed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cluster.settings import Resources


def same(**quantities: str | int) -> dict[str, Any]:
    """Return resources whose requests equal their limits: no pod takes what another was promised."""
    return {"requests": dict(quantities), "limits": dict(quantities)}


def of_ray(resources: Resources, **accelerators: int) -> dict[str, Any]:
    """Return the resources of a container of Ray, which may borrow cores where that is set."""
    found = same(cpu=resources.cpu, memory=resources.memory, **accelerators)
    if resources.cpu_limit:
        found["limits"]["cpu"] = resources.cpu_limit
    return found


def ray_cpus(resources: Resources) -> dict[str, str]:
    """Return how many CPUs Ray counts in a pod, where it would count borrowed ones: KubeRay tells it the limit."""
    return {"num-cpus": str(math.ceil(_cores(resources.cpu)))} if resources.cpu_limit else {}


def _cores(quantity: str) -> float:
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)
