"""How many pods may be taken away at once, as when nodes are renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.manifests.names import WORKER, labels, metadata
from cluster.manifests.pods import GROUP_LABEL

if TYPE_CHECKING:
    from cluster.settings import ClusterSettings, WorkerGroup

FEWEST = 2


def disruption_budgets(settings: ClusterSettings) -> list[dict[str, Any]]:
    """Return a budget for each group that can spare a pod.

    A group of one pod gets none: it would keep a node from ever being renewed. Nor does the head, for the same reason;
    where it keeps its state in Redis, it may go.
    """
    return [_budget(settings, group) for group in settings.workers if group.min_replicas >= FEWEST]


def _budget(settings: ClusterSettings, group: WorkerGroup) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(settings, f"{settings.name}-{group.name}", WORKER),
        "spec": {
            # A number, since Kubernetes cannot ask KubeRay's pods how many there should be.
            "minAvailable": group.min_replicas - 1,
            # Of pods that are not ready nothing is lost.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": {**labels(settings, WORKER), GROUP_LABEL: group.name}},
        },
    }
