"""Names and labels that objects share, by which they find each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cluster.settings import ClusterSettings

HEAD, WORKER, REDIS = "head", "worker", "redis"
INSTANCE, COMPONENT = "app.kubernetes.io/instance", "app.kubernetes.io/component"
# KubeRay's label; a new cluster's pods differ in it from those of the one before.
RAY_CLUSTER = "ray.io/cluster"


def labels(settings: ClusterSettings, component: str | None = None) -> dict[str, str]:
    """Return labels of an object, or of pods of a component.

    `app.kubernetes.io/name` is left out: on Ray's pods it is KubeRay's, whose Services select by it.
    """
    shared = {INSTANCE: settings.name, "app.kubernetes.io/part-of": "ray-scoring"}
    return {**shared, COMPONENT: component} if component else shared


def metadata(
    settings: ClusterSettings, name: str, component: str | None = None, annotations: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return an object's metadata."""
    found = {"name": name, "namespace": settings.namespace, "labels": labels(settings, component)}
    return {**found, "annotations": annotations} if annotations else found


def keys_secret(settings: ClusterSettings) -> str:
    """Return the name of the Secret that holds the files of keys."""
    return settings.keys.secret or f"{settings.name}-keys"


def serve_service(settings: ClusterSettings) -> str:
    """Return the name of the Service that KubeRay makes for requests."""
    return f"{settings.name}-serve-svc"
