"""Who may do what: the namespace and its level of security, the pods' account, roles of people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.manifests.names import labels, metadata

if TYPE_CHECKING:
    from cluster.settings import ClusterSettings

READ = ["get", "list", "watch"]
CHANGE = ["create", "update", "patch", "delete"]
GROUP = "rbac.authorization.k8s.io"

# Kinds that an administrator applies once: an operator may read but not change them, nor so give themselves rights.
ADMINISTRATORS = frozenset({"Namespace", "ServiceAccount", "Role", "RoleBinding"})

# What the objects of a service are, by API group.
_OWN = {
    "": ["services"],
    "apps": ["statefulsets"],
    "ray.io": ["rayservices"],
    "policy": ["poddisruptionbudgets"],
    "networking.k8s.io": ["ingresses", "networkpolicies"],
    "gateway.networking.k8s.io": ["gateways", "httproutes"],
    "cert-manager.io": ["certificates"],
    "monitoring.coreos.com": ["podmonitors", "prometheusrules"],
    "azmonitoring.coreos.com": ["podmonitors"],
    "secrets-store.csi.x-k8s.io": ["secretproviderclasses"],
}
# What only Kubernetes and KubeRay make, and a look at it tells how the service is.
_SEEN = {
    "": ["pods", "pods/log", "events", "endpoints", "configmaps", "serviceaccounts", "persistentvolumeclaims"],
    "events.k8s.io": ["events"],
    "discovery.k8s.io": ["endpointslices"],
    "batch": ["jobs"],
    "ray.io": ["rayclusters", "rayservices/status", "rayclusters/status"],
    GROUP: ["roles", "rolebindings"],
}


def access_objects(settings: ClusterSettings) -> list[dict[str, Any]]:
    """Return the namespace, the pods' account, and roles with those who have them."""
    people = settings.people
    found = [_namespace(settings)] if settings.create_namespace else []
    found += [_account(settings), _role(settings, "viewer", _viewer()), _role(settings, "operator", _operator())]
    for role, groups in (("viewer", people.viewers), ("operator", people.operators)):
        if groups:
            found.append(_binding(settings, role, groups))
    return found


def _namespace(settings: ClusterSettings) -> dict[str, Any]:
    security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": settings.namespace, "labels": {**labels(settings), **security}},
    }


def _account(settings: ClusterSettings) -> dict[str, Any]:
    vault = settings.key_vault
    annotations = {"azure.workload.identity/client-id": vault.client_id} if vault else None
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(settings, settings.name, annotations=annotations),
        # Only the autoscaler's container gets a token; KubeRay gives this account the rights that it needs.
        "automountServiceAccountToken": False,
    }


def _viewer() -> list[dict[str, Any]]:
    return [_rule(group, names, READ) for group, names in _merged(_OWN, _SEEN).items()]


def _operator() -> list[dict[str, Any]]:
    return [
        *_viewer(),
        *(_rule(group, names, CHANGE) for group, names in _OWN.items()),
        # Bounds of worker groups, which KubeRay does not carry over to the cluster that serves; a cluster on its way
        # that a rollback gives up.
        _rule("ray.io", ["rayclusters", "rayservices/status"], ["patch"]),
        # Keys, and revisions to go back to.
        _rule("", ["secrets"], READ + CHANGE),
        _rule("", ["configmaps"], CHANGE),
        # A pod that hangs; one that checks what the cluster reaches; marks by which a pod looks for new keys at once.
        _rule("", ["pods"], CHANGE),
        # Ray's own logs, and its dashboard.
        _rule("", ["pods/exec", "pods/portforward"], ["create", "get"]),
    ]


def _merged(*parts: dict[str, list[str]]) -> dict[str, list[str]]:
    groups = {group: None for part in parts for group in part}
    return {group: [name for part in parts for name in part.get(group, [])] for group in groups}


def _rule(group: str, names: list[str], verbs: list[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": list(names), "verbs": list(verbs)}


def _role(settings: ClusterSettings, name: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Role",
        "metadata": metadata(settings, f"{settings.name}-{name}"),
        "rules": rules,
    }


def _binding(settings: ClusterSettings, role: str, groups: list[str]) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": metadata(settings, f"{settings.name}-{role}"),
        "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": f"{settings.name}-{role}"},
        "subjects": [{"apiGroup": GROUP, "kind": "Group", "name": group} for group in groups],
    }
