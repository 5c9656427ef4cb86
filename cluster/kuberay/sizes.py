"""How many pods worker groups have.

KubeRay makes no new cluster for a RayService whose groups have other bounds only, and does not change the cluster that
there is either: so the bounds are carried over to it here.
"""

from __future__ import annotations

from dataclasses import dataclass

from cluster.kuberay.snapshot import SERVICE_LABEL
from cluster.kubernetes.api import JSON_PATCH, Api, Object
from cluster.kubernetes.kinds import Kind
from deployments.errors import StartupError

_BOUNDS = {"minReplicas": 0, "maxReplicas": 2**31 - 1}


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many pods a group has at the least and at the most."""

    least: int
    most: int

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most or self.most < 1:
            raise StartupError(f"A group cannot have from {self.least} to {self.most} pods.")


def scaled(ray_service: Object, group: str, bounds: Bounds) -> Object:
    """Return a RayService with other bounds of a group.

    Raises:
        StartupError: it has no such group.
    """
    config = ray_service["spec"]["rayClusterConfig"]
    groups = config.get("workerGroupSpecs", [])
    names = [each["groupName"] for each in groups]
    if group not in names:
        raise StartupError(f"There is no worker group {group}; there are: {', '.join(names) or 'none'}.")
    changed = [_with(each, bounds) if each["groupName"] == group else each for each in groups]
    spec = {**ray_service["spec"], "rayClusterConfig": {**config, "workerGroupSpecs": changed}}
    return {**ray_service, "spec": spec}


def carry_over(api: Api, ray_service: Object) -> list[str]:
    """Give the clusters of a RayService the bounds of its groups; returns what was changed, in words."""
    metadata = ray_service["metadata"]
    namespace = metadata["namespace"]
    wanted = {each["groupName"]: each for each in ray_service["spec"]["rayClusterConfig"].get("workerGroupSpecs", [])}
    changed = []
    for cluster in api.find(Kind.RAY_CLUSTER, namespace, labels=f"{SERVICE_LABEL}={metadata['name']}"):
        name, patch = cluster["metadata"]["name"], []
        for index, group in enumerate(cluster["spec"].get("workerGroupSpecs", [])):
            changes = _changes(group, wanted.get(group["groupName"], group))
            path = f"/spec/workerGroupSpecs/{index}"
            patch += [{"op": "test", "path": f"{path}/groupName", "value": group["groupName"]}] if changes else []
            patch += [{"op": "add", "path": f"{path}/{key}", "value": value} for key, value in changes.items()]
            changed += [f"{name}: {group['groupName']} {_words(changes)}"] if changes else []
        if patch:
            api.patch(Kind.RAY_CLUSTER, name, namespace, patch, JSON_PATCH)
    return changed


def _changes(group: Object, wanted: Object) -> dict[str, int]:
    bounds = {key: wanted.get(key, default) for key, default in _BOUNDS.items()}
    changes = {key: value for key, value in bounds.items() if group.get(key, _BOUNDS[key]) != value}
    # The autoscaler keeps the number between the bounds; without it, nobody else does.
    replicas = group.get("replicas", bounds["minReplicas"])
    fitting = min(max(replicas, bounds["minReplicas"]), bounds["maxReplicas"])
    return {**changes, "replicas": fitting} if changes and fitting != replicas else changes


def _with(group: Object, bounds: Bounds) -> Object:
    changed = {**group, "minReplicas": bounds.least, "maxReplicas": bounds.most}
    if "replicas" in group:
        changed["replicas"] = min(max(group["replicas"], bounds.least), bounds.most)
    return changed


def _words(changes: dict[str, int]) -> str:
    return ", ".join(f"{key} {value}" for key, value in changes.items())
