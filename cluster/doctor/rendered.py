"""What objects that are to be applied ask of a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from deployments.errors import StartupError
from serve_app.config_file import config_of

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PodGroup:
    """Pods that are made of one template.

    Attributes:
        name: for people.
        spec: a pod's spec.
        least: pods that the application starts with.
        most: pods that it may have under load.
    """

    name: str
    spec: Json
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is to be applied.

    Attributes:
        namespace: where those objects go that name none.
        objects: all of them.
        brought: kinds and names of what deploying makes beside them.
    """

    namespace: str
    objects: Sequence[Json]
    brought: frozenset[tuple[str, str]] = frozenset()

    def of_kind(self, *kinds: str) -> list[Json]:
        """Return the objects of some kinds."""
        return [each for each in self.objects if each.get("kind") in kinds]

    def names(self, kind: str) -> set[str]:
        """Return the names of the objects of a kind."""
        return {each["metadata"]["name"] for each in self.of_kind(kind)}

    def pod_groups(self) -> list[PodGroup]:
        """Return the pods that will run at the same time."""
        return [group for each in self.objects for group in _groups(each)]

    def containers(self) -> list[Json]:
        """Return every container of every pod."""
        return [each for group in self.pod_groups() for each in containers_of(group.spec)]

    def lead(self) -> Json:
        """Return the spec of the pod that leads the Ray cluster; empty if there is none."""
        groups = [group for each in self.of_kind("RayService", "RayCluster") for group in _groups(each)]
        return groups[0].spec if groups else {}

    def image(self) -> str | None:
        """Return the image of the pod that leads the Ray cluster."""
        images = [str(each["image"]) for each in self.lead().get("containers", []) if each.get("image")]
        return images[0] if images else None

    def application(self) -> Json:
        """Return the service's settings, from the RayService's own copy of its config file; empty without one."""
        for each in self.of_kind("RayService"):
            content = yaml.safe_load(each["spec"].get("serveConfigV2") or "") or {}
            try:
                return config_of(content, "serveConfigV2").given()
            except StartupError:
                # Another application's, or what is not valid, which Ray Serve says itself.
                return {}
        return {}

    def environment(self) -> dict[str, str | None]:
        """Return the variables of all containers; None for a value that a Secret or the pod gives."""
        return {
            str(each["name"]): str(each["value"]) if "value" in each else None
            for container in self.containers()
            for each in container.get("env") or []
        }


def containers_of(spec: Json) -> list[Json]:
    """Return the containers of a pod's spec, those first that run before the others."""
    return [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]


def walk(value: Any, path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Go through all keys below a value.

    Yields:
        The path of what holds the key, the key, and what stands there.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            yield path, str(key), item
            yield from walk(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(item, f"{path}.{index}" if path else str(index))


def _groups(item: Json) -> Iterator[PodGroup]:
    spec, kind = item.get("spec") or {}, item.get("kind")
    if kind in {"RayService", "RayCluster"}:
        yield from _ray_groups(spec.get("rayClusterConfig") or {} if kind == "RayService" else spec)
    elif kind in {"Deployment", "StatefulSet", "Job"}:
        count = int(spec.get("parallelism" if kind == "Job" else "replicas", 1))
        yield PodGroup(f"{kind} {item['metadata']['name']}", spec["template"]["spec"], count, count)
    elif kind == "Pod":
        yield PodGroup(f"Pod {item['metadata']['name']}", spec, 1, 1)


def _ray_groups(cluster: Json) -> Iterator[PodGroup]:
    if head := cluster.get("headGroupSpec"):
        yield PodGroup("head", _with_autoscaler(head["template"]["spec"], cluster), 1, 1)
    for worker in cluster.get("workerGroupSpecs") or []:
        # KubeRay starts with `replicas`, and never with fewer than the least.
        least = max(int(worker.get("minReplicas") or 0), int(worker.get("replicas") or 0))
        hosts = int(worker.get("numOfHosts") or 1)
        most = max(least, int(worker.get("maxReplicas") or 0)) if cluster.get("enableInTreeAutoscaling") else least
        yield PodGroup(f"workers {worker['groupName']}", worker["template"]["spec"], least * hosts, most * hosts)


def _with_autoscaler(spec: Json, cluster: Json) -> Json:
    """The operator adds a container to the head; these are the resources that it gives it unless told otherwise."""
    if not cluster.get("enableInTreeAutoscaling"):
        return spec
    usual = {"limits": {"cpu": "500m", "memory": "512Mi"}, "requests": {"cpu": "500m", "memory": "512Mi"}}
    resources = (cluster.get("autoscalerOptions") or {}).get("resources") or usual
    sidecar = {"name": "autoscaler", "resources": resources}
    return {**spec, "containers": [*spec["containers"], sidecar]}
