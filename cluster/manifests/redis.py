"""Redis, where the head keeps its state: one that somebody runs, or a small one beside the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.manifests.names import REDIS, labels, metadata
from cluster.manifests.resources import same
from cluster.manifests.security import container_security, pod_security

if TYPE_CHECKING:
    from cluster.manifests.settings import RedisSettings
    from cluster.settings import ClusterSettings

PORT = 6379


def fault_tolerance(settings: ClusterSettings, redis: RedisSettings) -> dict[str, Any]:
    """Return KubeRay's options: where the head keeps its state."""
    options: dict[str, Any] = {"redisAddress": redis.address or f"{settings.name}-redis:{PORT}"}
    if redis.username:
        options["redisUsername"] = {"value": redis.username}
    if redis.password:
        options["redisPassword"] = {"valueFrom": _password(redis)}
    return options


def redis_objects(settings: ClusterSettings) -> list[dict[str, Any]]:
    """Return the bundled Redis, where no other is named."""
    redis = settings.redis
    return [_service(settings), _stateful_set(settings, redis)] if redis and redis.address is None else []


def _password(redis: RedisSettings) -> dict[str, Any]:
    return {"secretKeyRef": {"name": redis.password.secret, "key": redis.password.key}} if redis.password else {}


def _service(settings: ClusterSettings) -> dict[str, Any]:
    ports = [{"name": "redis", "port": PORT, "targetPort": "redis"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(settings, f"{settings.name}-redis", REDIS),
        "spec": {"selector": labels(settings, REDIS), "ports": ports},
    }


def _stateful_set(settings: ClusterSettings, redis: RedisSettings) -> dict[str, Any]:
    pod: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "containers": [_container(settings, redis)],
    }
    spec: dict[str, Any] = {
        "serviceName": f"{settings.name}-redis",
        "replicas": 1,
        "selector": {"matchLabels": labels(settings, REDIS)},
        "template": {"metadata": {"labels": labels(settings, REDIS)}, "spec": pod},
    }
    if redis.bundled.storage:
        spec["volumeClaimTemplates"] = [_claim(redis)]
    else:
        pod["volumes"] = [{"name": "data", "emptyDir": {"sizeLimit": "1Gi"}}]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(settings, f"{settings.name}-redis", REDIS),
        "spec": spec,
    }


def _container(settings: ClusterSettings, redis: RedisSettings) -> dict[str, Any]:
    probe = {"tcpSocket": {"port": "redis"}, "periodSeconds": 5}
    arguments = ["--dir", "/data", "--appendonly", "yes"]
    if redis.password:
        arguments += ["--requirepass", "$(REDIS_PASSWORD)"]
    return {
        "name": "redis",
        "image": redis.bundled.image,
        "imagePullPolicy": settings.image.pull_policy,
        "command": ["redis-server"],
        "args": arguments if redis.password else [*arguments, "--protected-mode", "no"],
        **({"env": [{"name": "REDIS_PASSWORD", "valueFrom": _password(redis)}]} if redis.password else {}),
        "ports": [{"name": "redis", "containerPort": PORT}],
        "readinessProbe": probe,
        "livenessProbe": probe | {"failureThreshold": 6},
        "resources": same(cpu="100m", memory="256Mi"),
        "securityContext": container_security(),
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }


def _claim(redis: RedisSettings) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": redis.bundled.storage}},
    }
    if redis.bundled.storage_class:
        spec["storageClassName"] = redis.bundled.storage_class
    return {"metadata": {"name": "data"}, "spec": spec}
