"""What Ray says of the replica that runs here. Ray Serve's local testing mode has none."""

from __future__ import annotations

import ray
from ray import serve
from ray.serve.context import ReplicaContext
from ray.serve.exceptions import RayServeException


def is_replica() -> bool:
    """Whether this process is a replica."""
    return _context() is not None


def replica_id() -> str:
    """Identify this replica among those of its deployment."""
    context = _context()
    return context.replica_id.unique_id if context else "local"


def deployment_name() -> str:
    """Return the name of this replica's deployment."""
    context = _context()
    return context.deployment if context else "local"


def reserved_cpus() -> int | None:
    """Return the whole CPUs that Ray reserves for this replica; None where it reserves none."""
    if _context() is None:
        return None
    assigned: dict[str, float] = ray.get_runtime_context().get_assigned_resources()  # type: ignore[no-untyped-call]
    return int(assigned.get("CPU", 0)) or None


def _context() -> ReplicaContext | None:
    try:
        return serve.get_replica_context()
    except RayServeException:
        return None
