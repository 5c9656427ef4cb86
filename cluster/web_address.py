"""Where a web service answers."""

from __future__ import annotations

from cluster.kubernetes.api import Api, Object
from cluster.kubernetes.kinds import Kind
from deployments.errors import StartupError

_HTTP_PORT = 8000


def host_of(objects: list[Object]) -> str | None:
    """Return the name by which objects let clients in from outside; None if they do not."""
    for each in objects:
        spec = each.get("spec", {})
        if each["kind"] == "HTTPRoute" and spec.get("hostnames"):
            return str(spec["hostnames"][0])
        if each["kind"] == "Ingress":
            hosts = [rule["host"] for rule in spec.get("rules", []) if rule.get("host")]
            if hosts:
                return str(hosts[0])
    return None


def service_address(api: Api, name: str, namespace: str) -> str:
    """Return the address of KubeRay's Service for requests: of its load balancer, or the one inside the cluster.

    Raises:
        StartupError: there is none, as before a first deployment is ready.
    """
    service = api.get(Kind.SERVICE, f"{name}-serve-svc", namespace)
    if service is None:
        raise StartupError(
            f"{name} has no address yet, since it was not ready so far; `scoring cluster status` says why."
        )
    port = _port(service)
    for balancer in service.get("status", {}).get("loadBalancer", {}).get("ingress", []):
        if host := balancer.get("ip") or balancer.get("hostname"):
            return f"http://{host}:{port}"
    return f"http://{service['spec']['clusterIP']}:{port}"


def _port(service: Object) -> int:
    ports = service["spec"].get("ports", [])
    serving = [each["port"] for each in ports if each.get("name") in {"serve", "http"}]
    return int(serving[0]) if serving else _HTTP_PORT
