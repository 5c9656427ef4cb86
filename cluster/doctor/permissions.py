"""Whether the user may do what deploying takes; the API server is asked for each verb."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cluster.doctor.findings import Check, Finding, Stage, failed, ok, warning
from cluster.doctor.rendered import Rendered
from cluster.kubernetes.api import Api
from cluster.kubernetes.kinds import Kind
from cluster.manifests.access import ADMINISTRATORS

# Server-side apply needs patch, and create for what is not there; delete for `scoring cluster delete`.
APPLY = ("get", "list", "watch", "create", "patch", "delete")
NAMESPACE = ("get", "create", "patch")

# Kinds that belong to no namespace.
_CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding", "GatewayClass", "IngressClass", "StorageClass"}

# How Kubernetes names the resource of a kind, where it is not the kind in lower case with an s.
_PLURALS = {
    "NetworkPolicy": "networkpolicies",
    "Ingress": "ingresses",
    "Gateway": "gateways",
    "SecretProviderClass": "secretproviderclasses",
    "StorageClass": "storageclasses",
    "GatewayClass": "gatewayclasses",
    "IngressClass": "ingressclasses",
    "PriorityClass": "priorityclasses",
}


_BY_ADMINISTRATORS = "Deploying leaves these as they are; make sure that an administrator has applied them once."


@dataclass(frozen=True, slots=True)
class Right:
    """A verb on a resource; in no namespace where that is empty."""

    verb: str
    group: str
    resource: str
    namespace: str
    subresource: str = ""

    def __str__(self) -> str:
        """As people write it."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource}{'/' + self.subresource if self.subresource else ''}"


def plural(kind: str) -> str:
    """Return the name of a kind's resource."""
    return _PLURALS.get(kind, f"{kind.lower()}s")


_ADMINISTERED = {plural(kind) for kind in ADMINISTRATORS}


def to_deploy(rendered: Rendered) -> list[Right]:
    """Return the rights that applying, following and deleting the objects takes."""
    rights = []
    for each in rendered.objects:
        kind = Kind.of(each)
        verbs = NAMESPACE if kind == Kind.NAMESPACE else APPLY
        namespace = "" if kind.name in _CLUSTER_WIDE else each["metadata"].get("namespace") or rendered.namespace
        rights += [Right(verb, kind.group, plural(kind.name), namespace) for verb in verbs]
    return list(dict.fromkeys(rights))


def to_follow(namespace: str) -> list[Right]:
    """Return the rights that `status`, `logs` and the pod of this doctor take."""
    pods = [Right(verb, "", "pods", namespace) for verb in ("get", "list", "watch", "create", "delete")]
    reads = [Right("get", "", "pods", namespace, "log"), Right("create", "", "pods", namespace, "exec")]
    return [*pods, *reads, Right("list", "", "events", namespace), Right("list", "ray.io", "rayclusters", namespace)]


def checks(api: Api, rendered: Rendered) -> list[Check]:
    """Return the checks of rights."""

    def deploy() -> Finding:
        rights = to_deploy(rendered)
        lacking = missing(api, rights)
        if not lacking:
            return ok(f"all {len(rights)} rights to deploy are there")
        if all(each.resource in _ADMINISTERED for each in lacking):
            return warning(f"you may not {_listed(lacking)}", _BY_ADMINISTRATORS)
        return failed(f"you may not {_listed(lacking)}", _advice(rendered.namespace))

    def follow() -> Finding:
        lacking = missing(api, to_follow(rendered.namespace))
        if not lacking:
            return ok("pods, logs and events may be read")
        return warning(f"you may not {_listed(lacking)}", _advice(rendered.namespace))

    return [Check("rights to deploy", Stage.DEPLOY, deploy), Check("rights to follow", Stage.DEPLOY, follow)]


def missing(api: Api, rights: list[Right]) -> list[Right]:
    """Return the rights that the user does not have."""
    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda each: _may(api, each), rights))
    return [right for right, may in zip(rights, allowed, strict=True) if not may]


def _may(api: Api, right: Right) -> bool:
    attributes = {
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
        "subresource": right.subresource,
        "namespace": right.namespace,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
    return bool(api.create(review)["status"].get("allowed"))


def _listed(rights: list[Right]) -> str:
    """Put the verbs of one resource together: `create, patch rayservices.ray.io`."""
    verbs: dict[str, list[str]] = {}
    for right in rights:
        verb, _, resource = str(right).partition(" ")
        verbs.setdefault(resource, []).append(verb)
    return "; ".join(f"{', '.join(of)} {resource}" for resource, of in verbs.items())


def _advice(namespace: str) -> str:
    return f"Ask who administers the cluster for a role in the namespace {namespace} that allows it."
