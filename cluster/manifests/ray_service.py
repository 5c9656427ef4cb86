"""The RayService: Ray's pods, the application's config, and how both change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.manifests.application import Application, read_application
from cluster.manifests.names import metadata
from cluster.manifests.pods import head_template, holds_replicas, worker_template
from cluster.manifests.redis import fault_tolerance
from cluster.manifests.resources import ray_cpus, same
from cluster.manifests.security import container_security
from cluster.manifests.volumes import OBJECT_STORE_BYTES, TOKEN, TOKEN_PATH
from cluster.manifests.yaml_text import dump
from deployments.errors import StartupError

if TYPE_CHECKING:
    from cluster.manifests.settings import UpgradeSettings
    from cluster.settings import ClusterSettings, Resources, WorkerGroup

# As requirements/ locks it, and so the image has it; KubeRay decides by it what this Ray can do.
RAY_VERSION = "2.60.0"
IDLE_SECONDS = 60

_STRATEGIES = {"new-cluster": "NewCluster", "incremental": "NewClusterWithIncrementalUpgrade", "none": "None"}


def ray_service(settings: ClusterSettings) -> dict[str, Any]:
    """Return the RayService.

    Raises:
        StartupError: the application's config is not valid, or the settings do not suit the environment.
    """
    return ray_service_of(settings, read_application(settings))


def ray_service_of(settings: ClusterSettings, application: Application) -> dict[str, Any]:
    """Return the RayService of an application that was read before.

    Raises:
        StartupError: the settings do not suit the environment.
    """
    _check(settings)
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": metadata(settings, settings.name),
        "spec": {
            "upgradeStrategy": _upgrade_strategy(settings.upgrade),
            "rayClusterDeletionDelaySeconds": settings.upgrade.keep_old_seconds,
            # The head only gets requests where it may hold replicas.
            "excludeHeadPodFromServeSvc": not holds_replicas(settings),
            "serveConfigV2": dump(application.config),
            "rayClusterConfig": _ray_cluster(settings, application),
        },
    }


def _ray_cluster(settings: ClusterSettings, application: Application) -> dict[str, Any]:
    cluster: dict[str, Any] = {
        "rayVersion": RAY_VERSION,
        # Ray's ports take pickles, which is to say code: only from who has the token that KubeRay makes.
        "authOptions": {"mode": "token"},
        "enableInTreeAutoscaling": settings.is_autoscaled,
    }
    if settings.is_autoscaled:
        cluster["autoscalerOptions"] = _autoscaler(settings)
    if settings.redis:
        cluster["gcsFaultToleranceOptions"] = fault_tolerance(settings, settings.redis)
    head_parameters = _parameters(settings.head) | {"dashboard-host": "0.0.0.0"}  # noqa: S104 - for KubeRay, with the token
    if not holds_replicas(settings):
        head_parameters["num-cpus"] = "0"
    cluster["headGroupSpec"] = {"rayStartParams": head_parameters, "template": head_template(settings, application)}
    cluster["workerGroupSpecs"] = [_worker_group(settings, application, group) for group in settings.workers]
    return cluster


def _parameters(resources: Resources) -> dict[str, str]:
    return {"object-store-memory": str(OBJECT_STORE_BYTES), **ray_cpus(resources)}


def _worker_group(settings: ClusterSettings, application: Application, group: WorkerGroup) -> dict[str, Any]:
    return {
        "groupName": group.name,
        # The autoscaler's to change: who applies this again must not take its pods away.
        **({} if settings.is_autoscaled else {"replicas": group.min_replicas}),
        "minReplicas": group.min_replicas,
        "maxReplicas": group.max_replicas,
        "rayStartParams": _parameters(group.resources),
        "template": worker_template(settings, application, group),
    }


def _autoscaler(settings: ClusterSettings) -> dict[str, Any]:
    return {
        "version": "v2",
        "idleTimeoutSeconds": IDLE_SECONDS,
        "imagePullPolicy": settings.image.pull_policy,
        "resources": same(cpu=settings.autoscaler.cpu, memory=settings.autoscaler.memory),
        "securityContext": container_security(),
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108 - a volume of the pod's own
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
            {"name": TOKEN, "mountPath": TOKEN_PATH, "readOnly": True},
        ],
    }


def _upgrade_strategy(upgrade: UpgradeSettings) -> dict[str, Any]:
    strategy: dict[str, Any] = {"type": _STRATEGIES[upgrade.strategy]}
    if upgrade.strategy == "incremental":
        strategy["clusterUpgradeOptions"] = {
            "gatewayClassName": upgrade.gateway_class,
            "stepSizePercent": upgrade.step_percent,
            "intervalSeconds": upgrade.interval_seconds,
            "maxSurgePercent": upgrade.surge_percent,
        }
    return strategy


def _check(settings: ClusterSettings) -> None:
    if settings.upgrade.strategy == "incremental" and not settings.is_autoscaled:
        raise StartupError("upgrade.strategy incremental needs a group with max_replicas above min_replicas.")
    if settings.environment != "production":
        return
    if settings.redis is None:
        raise StartupError("In production the head may be lost, for which it needs redis: name one, or redis: {}.")
    single = [group.name for group in settings.workers if group.min_replicas == 1]
    if single and not settings.allow_single:
        raise StartupError(
            "In production there are two of all, so that one may be lost: set min_replicas to 2 (or to 0) for "
            f"{', '.join(single)} of workers, or allow_single: true."
        )
