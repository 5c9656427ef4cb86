"""The state of a web service in one word, as Azure Machine Learning has them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from cluster.kuberay.causes import Cause, CauseKind
from cluster.kuberay.snapshot import Snapshot


class State(StrEnum):
    """How what was applied last fares; whether requests are answered meanwhile is another question."""

    TRANSITIONING = "Transitioning"
    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
    FAILED = "Failed"
    UNSCHEDULABLE = "Unschedulable"


def state(snapshot: Snapshot, causes: Sequence[Cause]) -> State:
    """Return the state; causes are those of the snapshot."""
    if snapshot.service.metadata.deletion_timestamp is not None:
        return State.TRANSITIONING
    if any(each.kind is CauseKind.INVALID for each in causes):
        return State.FAILED
    return _on_its_way(causes) if snapshot.is_deploying else _arrived(snapshot, causes)


def serves(snapshot: Snapshot) -> bool:
    """Whether requests are answered, by this version or by the one before it."""
    return snapshot.service.status.says("Ready")


def _on_its_way(causes: Sequence[Cause]) -> State:
    if any(each.kind is CauseKind.UNSCHEDULABLE for each in causes):
        return State.UNSCHEDULABLE
    return State.FAILED if any(each.is_final for each in causes) else State.TRANSITIONING


def _arrived(snapshot: Snapshot, causes: Sequence[Cause]) -> State:
    statuses = {each.status for each in snapshot.applications.values()}
    if "DEPLOY_FAILED" in statuses:
        return State.FAILED
    if not serves(snapshot) or "UNHEALTHY" in statuses:
        return State.UNHEALTHY
    # Ray Serve tries again and again what cannot start, and says DEPLOYING of it meanwhile.
    return State.HEALTHY if statuses == {"RUNNING"} else _on_its_way(causes)
