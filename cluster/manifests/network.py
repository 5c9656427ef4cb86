"""Who may talk to whom, where the cluster's network enforces it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.manifests.names import COMPONENT, HEAD, INSTANCE, REDIS, WORKER, labels, metadata
from cluster.manifests.pods import AGENT_PORT, DASHBOARD_PORT, METRICS_PORT

if TYPE_CHECKING:
    from cluster.manifests.application import Application
    from cluster.settings import ClusterSettings

DNS_PORT = 53
# Of Kubernetes, by its Service and by itself: policies look at addresses after they were translated.
API_PORTS = (443, 6443)
# Where machines of clouds learn their credentials; no pod needs them.
METADATA_SERVICE = "169.254.169.254/32"

Rule = dict[str, Any]


def network_policies(settings: ClusterSettings, application: Application) -> list[dict[str, Any]]:
    """Return the policies: all that is not named here is closed."""
    if not settings.network.policies:
        return []
    found = [_policy(settings, "ray", _ray_pods(settings), _into_ray(settings, application), _out_of_ray(settings))]
    found.append(
        _policy(settings, "head", _only(settings, HEAD), _into_head(settings, application), [_anywhere(*API_PORTS)])
    )
    if settings.redis and settings.redis.address is None:
        found.append(_policy(settings, "redis", _only(settings, REDIS), [_from_ray(settings)], []))
    return found


def _policy(
    settings: ClusterSettings, name: str, pods: dict[str, Any], into: list[Rule], out: list[Rule]
) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(settings, f"{settings.name}-{name}"),
        "spec": {"podSelector": pods, "policyTypes": ["Ingress", "Egress"], "ingress": into, "egress": out},
    }


def _ray_pods(settings: ClusterSettings) -> dict[str, Any]:
    parts = {"key": COMPONENT, "operator": "In", "values": [HEAD, WORKER]}
    return {"matchLabels": {INSTANCE: settings.name}, "matchExpressions": [parts]}


def _only(settings: ClusterSettings, component: str) -> dict[str, Any]:
    return {"matchLabels": labels(settings, component)}


def _from_ray(settings: ClusterSettings) -> Rule:
    """Return the rule by which Ray's pods come in, the ones of an old Ray cluster included."""
    return {"from": [{"podSelector": _ray_pods(settings)}]}


def _into_ray(settings: ClusterSettings, application: Application) -> list[Rule]:
    serve = [application.port, *([application.grpc_port] if application.grpc_port else [])]
    gateway = settings.gateway
    rules = [_from_ray(settings)]
    if gateway:
        rules.append(_from_namespace(gateway.namespace, *serve))
    rules += [_from_namespace(namespace, *serve) for namespace in settings.network.clients]
    return [*rules, _from_namespace(settings.monitoring.namespace, METRICS_PORT)]


def _into_head(settings: ClusterSettings, application: Application) -> list[Rule]:
    # KubeRay hands the application's config to the dashboard, and asks the head's HAProxy whether it answers; of other
    # pods their probes ask, which are always let in.
    return [_from_namespace(settings.network.operator_namespace, DASHBOARD_PORT, AGENT_PORT, application.port)]


def _out_of_ray(settings: ClusterSettings) -> list[Rule]:
    components = [{"podSelector": {"matchLabels": {INSTANCE: settings.name}}}]
    dns = [{"protocol": protocol, "port": DNS_PORT} for protocol in ("UDP", "TCP")]
    rules: list[Rule] = [{"to": components}, {"ports": dns}]
    ports = list(settings.network.outbound_ports)
    if settings.redis and settings.redis.address:
        ports.append(int(settings.redis.address.rpartition(":")[2]))
    return [*rules, _anywhere(*ports)] if ports else rules


def _anywhere(*ports: int) -> Rule:
    addresses = [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [METADATA_SERVICE]}}, {"ipBlock": {"cidr": "::/0"}}]
    return {"to": addresses, "ports": _tcp(ports)}


def _from_namespace(namespace: str | None, *ports: int) -> Rule:
    chosen = {"matchLabels": {"kubernetes.io/metadata.name": namespace}} if namespace else {}
    return {"from": [{"namespaceSelector": chosen}], "ports": _tcp(ports)}


def _tcp(ports: tuple[int, ...]) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": port} for port in dict.fromkeys(ports)]
