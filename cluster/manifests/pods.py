"""Templates of Ray's pods: the head, and workers of each group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.images.build import image_name
from cluster.manifests import last_to_leave
from cluster.manifests.draining import HEAD_DRAIN_SECONDS, ROUTES_SECONDS, Draining
from cluster.manifests.environment import environment
from cluster.manifests.names import COMPONENT, HEAD, INSTANCE, RAY_CLUSTER, WORKER, labels
from cluster.manifests.resources import of_ray
from cluster.manifests.security import container_security, pod_security
from cluster.manifests.volumes import token_volume, volumes

if TYPE_CHECKING:
    from cluster.manifests.application import Application
    from cluster.settings import ClusterSettings, Resources, WorkerGroup

AGENT_PORT, METRICS_PORT, GCS_PORT, DASHBOARD_PORT, CLIENT_PORT = 52365, 8080, 6379, 8265, 10001
GPU = "nvidia.com/gpu"
GROUP_LABEL = "scoring/group"
# Labels that AKS gives its nodes.
AKS_USER_POOL = {"kubernetes.azure.com/mode": "user"}
AKS_GPU_POOL = {"kubernetes.azure.com/accelerator": "nvidia"}


def image(settings: ClusterSettings, *, gpus: int = 0) -> str:
    """Return the container image with its tag: the one that is set, else that of this source.

    Raises:
        StartupError: no tag is set, and there is no source.
    """
    return image_name(settings.image, "gpu" if gpus else "cpu")


def holds_replicas(settings: ClusterSettings) -> bool:
    """Whether the head may hold replicas."""
    return settings.environment != "production"


def head_template(settings: ClusterSettings, application: Application) -> dict[str, Any]:
    """Return the head's pod."""
    draining = Draining(application.settings.ingress.request_timeout_seconds)
    drain_seconds = HEAD_DRAIN_SECONDS if holds_replicas(settings) else 0
    stay = ["python", "-m", last_to_leave.__name__, str(GCS_PORT), str(draining.head_seconds)]
    container = {
        **_container(settings, application, "ray-head", resources=settings.head, drain_seconds=drain_seconds),
        "ports": [
            *_serve_ports(application),
            _port("metrics", METRICS_PORT),
            _port("gcs-server", GCS_PORT),
            _port("dashboard", DASHBOARD_PORT),
            _port("client", CLIENT_PORT),
        ],
        # Raylet and GCS. Whether requests are answered is for KubeRay to ask, before it sends any.
        "livenessProbe": _probe("/api/healthz", AGENT_PORT, periodSeconds=5, timeoutSeconds=5, failureThreshold=24),
        "readinessProbe": _probe("/api/healthz", AGENT_PORT, periodSeconds=5, timeoutSeconds=5, failureThreshold=3),
        # When the whole Ray cluster goes, its workers finish their requests with the head's help.
        "lifecycle": {"preStop": {"exec": {"command": stay}}},
    }
    pod = _pod(
        settings,
        application,
        container,
        grace=draining.head_grace_seconds,
        selector=_node_selector(settings, {}, gpus=0),
    )
    pod["volumes"].append(token_volume())
    return {"metadata": _metadata(settings, HEAD), "spec": pod}


def worker_template(settings: ClusterSettings, application: Application, group: WorkerGroup) -> dict[str, Any]:
    """Return a worker's pod."""
    draining = Draining(application.settings.ingress.request_timeout_seconds)
    drain_seconds = draining.drain_seconds
    container = {
        **_container(
            settings, application, "ray-worker", resources=group.resources, gpus=group.gpus, drain_seconds=drain_seconds
        ),
        "ports": [*_serve_ports(application), _port("metrics", METRICS_PORT)],
        "livenessProbe": _probe("/api/healthz", AGENT_PORT, periodSeconds=5, timeoutSeconds=5, failureThreshold=24),
        # HAProxy of this pod says whether it reaches a replica; a replica is only there once its model has answered.
        "readinessProbe": _probe("/-/healthz", application.port, periodSeconds=2, timeoutSeconds=2, failureThreshold=2),
        "lifecycle": {"preStop": {"sleep": {"seconds": ROUTES_SECONDS}}},
    }
    selector = _node_selector(settings, group.node_selector, gpus=group.gpus)
    pod = _pod(settings, application, container, grace=draining.grace_seconds, selector=selector)
    if group.gpus:
        pod["tolerations"] = _gpu_tolerations()
    pod["topologySpreadConstraints"] = [
        _spread(settings, "kubernetes.io/hostname"),
        _spread(settings, "topology.kubernetes.io/zone"),
    ]
    return {"metadata": _metadata(settings, WORKER, group.name), "spec": pod}


def _metadata(settings: ClusterSettings, component: str, group: str | None = None) -> dict[str, Any]:
    found = labels(settings, component)
    if group:
        found[GROUP_LABEL] = group
    if settings.key_vault:
        found["azure.workload.identity/use"] = "true"
    return {"labels": found}


def _pod(
    settings: ClusterSettings,
    application: Application,
    container: dict[str, Any],
    *,
    grace: int,
    selector: dict[str, str],
) -> dict[str, Any]:
    pod: dict[str, Any] = {
        "serviceAccountName": settings.name,
        "automountServiceAccountToken": False,
        # Otherwise each Service of the namespace adds variables, which Ray could take for its own.
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": grace,
        "containers": [container],
        "volumes": [volume for volume, _ in volumes(settings, application)],
    }
    if settings.image.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in settings.image.pull_secrets]
    if selector:
        pod["nodeSelector"] = selector
    return pod


def _container(
    settings: ClusterSettings,
    application: Application,
    name: str,
    *,
    resources: Resources,
    drain_seconds: int,
    gpus: int = 0,
) -> dict[str, Any]:
    accelerators = {GPU: gpus} if gpus else {}
    return {
        "name": name,
        "image": image(settings, gpus=gpus),
        "imagePullPolicy": settings.image.pull_policy,
        "env": environment(settings, application, drain_seconds=drain_seconds),
        "resources": of_ray(resources, **accelerators),
        "securityContext": container_security(),
        "volumeMounts": [mount for _, mount in volumes(settings, application)],
    }


def _serve_ports(application: Application) -> list[dict[str, Any]]:
    ports = [_port("serve", application.port)]
    # KubeRay opens ports of its Service by these names.
    return [*ports, _port("serve-grpc", application.grpc_port)] if application.grpc_port else ports


def _port(name: str, number: int) -> dict[str, Any]:
    return {"name": name, "containerPort": number}


def _probe(path: str, port: int, **numbers: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port}, **numbers}


def _node_selector(settings: ClusterSettings, given: dict[str, str], *, gpus: int) -> dict[str, str]:
    if settings.platform != "aks":
        return given
    return {**AKS_USER_POOL, **(AKS_GPU_POOL if gpus else {}), **given}


def _gpu_tolerations() -> list[dict[str, str]]:
    """Return what lets pods onto nodes that are kept for GPUs, by either taint that is in use."""
    return [
        {"key": GPU, "operator": "Exists", "effect": "NoSchedule"},
        {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},
    ]


def _spread(settings: ClusterSettings, topology: str) -> dict[str, Any]:
    return {
        "topologyKey": topology,
        "maxSkew": 1,
        # A pod that stands beside another is better than none.
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {INSTANCE: settings.name, COMPONENT: WORKER}},
        "matchLabelKeys": [RAY_CLUSTER],
    }
