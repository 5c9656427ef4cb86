"""Environment variables of Ray's pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.manifests.draining import Draining
from deployments.cache_root import CACHE_VARIABLE
from deployments.ingress.access.settings import DIRECTORY_VARIABLE
from serve_app.fast_mode import FAST_MODE, QUIET_AT_REST, grpc_variables

if TYPE_CHECKING:
    from cluster.manifests.application import Application
    from cluster.settings import ClusterSettings

CACHE = "/var/cache/scoring"
SCRATCH = "/tmp"  # noqa: S108 - a volume of the pod's own
ACCESS = "/etc/scoring/access"
# Where the number of pods may change, replicas gather on few, so that others become idle and go; in production
# max_replicas_per_node keeps those of a stage apart all the same. Ray also moves replicas to empty a pod, once nothing
# has changed for RAY_SERVE_NODE_COMPACTION_DELAY_S (300).
FEWEST_PODS = {"RAY_SERVE_USE_PACK_SCHEDULING_STRATEGY": "1"}
# What replicas and Ray's processes log goes to the container's standard error, where a cluster collects it; lines of
# replicas are in Ray's files as well. Ray's core would add a table of what it counts each minute; its warnings do.
LOGS = {"RAY_LOG_TO_STDERR": "1", "RAY_SERVE_LOG_TO_STDERR": "1", "RAY_BACKEND_LOG_LEVEL": "warning"}


def environment(settings: ClusterSettings, application: Application, *, drain_seconds: int) -> list[dict[str, Any]]:
    """Return the variables of a pod's container of Ray; they are the same on the head and on workers.

    Args:
        settings: what is to run.
        application: the application in it.
        drain_seconds: how long Ray may drain the pod, so that its replicas finish their requests before it stops.
    """
    ingress = application.settings.ingress
    own = {
        **FAST_MODE,
        **QUIET_AT_REST,
        **Draining(ingress.request_timeout_seconds).variables(drain_seconds),
        **grpc_variables(application.config["http_options"]["host"], ingress.max_body_bytes),
        **_places(),
        **LOGS,
        **(FEWEST_PODS if settings.is_autoscaled else {}),
        # Pods must not call out for anything that nobody asked for.
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    plain = [{"name": name, "value": value} for name, value in {**own, **settings.pods.variables}.items()]
    return [*plain, *(_from_secret(name, variable.secret, variable.key) for name, variable in _secrets(settings))]


def _secrets(settings: ClusterSettings) -> list[tuple[str, Any]]:
    return list(settings.pods.secret_variables.items())


def _places() -> dict[str, str]:
    """Return where programs may write, as the root file system is read-only."""
    return {
        CACHE_VARIABLE: CACHE,
        DIRECTORY_VARIABLE: ACCESS,
        "HOME": SCRATCH,
        "NUMBA_CACHE_DIR": f"{CACHE}/numba",
        "XDG_CACHE_HOME": f"{CACHE}/xdg",
    }


def _from_secret(name: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
