"""What the objects refer to and do not bring with them: Secrets, ConfigMaps, classes, issuers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cluster.doctor.findings import Check, Finding, Stage, failed, ok, together, warning
from cluster.doctor.rendered import Json, Rendered, walk
from cluster.kubernetes.api import Api
from cluster.kubernetes.errors import NotPermitted, UnknownKind
from cluster.kubernetes.kinds import Kind

# Where a key's text names an object, what kind it is of.
_CLASSES = {
    "storageClassName": Kind("storage.k8s.io/v1", "StorageClass"),
    "gatewayClassName": Kind("gateway.networking.k8s.io/v1", "GatewayClass"),
    "ingressClassName": Kind("networking.k8s.io/v1", "IngressClass"),
    "priorityClassName": Kind("scheduling.k8s.io/v1", "PriorityClass"),
    "runtimeClassName": Kind("node.k8s.io/v1", "RuntimeClass"),
}
_OF_KUBERNETES = ("ConfigMap", "kube-root-ca.crt")
_BUILT_IN = {"system-cluster-critical", "system-node-critical"}
_DEFAULT_STORAGE = "storageclass.kubernetes.io/is-default-class"


@dataclass(slots=True)
class Wanted:
    """A Secret or ConfigMap that pods read.

    Attributes:
        kind: which of the two.
        name: its name.
        keys: that it must have.
        needed: whether pods do not start without it.
    """

    kind: str
    name: str
    keys: set[str] = field(default_factory=set)
    needed: bool = False


def wanted(rendered: Rendered) -> list[Wanted]:
    """Return the Secrets and ConfigMaps that pods, gateways and others refer to and the objects do not make."""
    found: dict[tuple[str, str], Wanted] = {}
    for item in rendered.objects:
        for kind, name, key, needed in _references(item):
            each = found.setdefault((kind, name), Wanted(kind, name))
            each.needed = each.needed or needed
            each.keys |= {key} if key and needed else set()
    made = {("Secret", name) for name in _made_secrets(rendered)} | {_OF_KUBERNETES}
    made |= {(str(each["kind"]), each["metadata"]["name"]) for each in rendered.objects}
    return [each for key, each in found.items() if key not in made]


def _references(item: Json) -> Iterator[tuple[str, str, str, bool]]:
    """Yield kind, name, key (or empty) and whether it must be there."""
    kinds = {"Secret": "secret", "ConfigMap": "configMap"}
    for path, key, value in walk(item):
        for kind, prefix in kinds.items():
            if isinstance(value, dict) and key in {f"{prefix}KeyRef", f"{prefix}Ref"} and value.get("name"):
                yield kind, value["name"], value.get("key", ""), not value.get("optional")
            if isinstance(value, dict) and key == prefix and (name := value.get("secretName") or value.get("name")):
                # A volume, or a part of one.
                for each in value.get("items") or [{}]:
                    yield kind, name, each.get("key", ""), not value.get("optional")
        if key == "imagePullSecrets":
            yield from (("Secret", each["name"], ".dockerconfigjson", True) for each in value or [])
        if key == "certificateRefs":
            yield from (
                ("Secret", each["name"], "tls.crt", True) for each in value if each.get("kind", "Secret") == "Secret"
            )
        if key == "secretName" and item.get("kind") == "Ingress" and ".tls." in f".{path}.":
            yield "Secret", value, "tls.crt", True


def _made_secrets(rendered: Rendered) -> Iterator[str]:
    for each in rendered.of_kind("Certificate"):
        yield each["spec"]["secretName"]
    for each in rendered.of_kind("SecretProviderClass"):
        for secret in each["spec"].get("secretObjects") or []:
            yield secret["secretName"]


def checks(api: Api, rendered: Rendered) -> list[Check]:
    """Return a check for each thing that is referred to."""
    classes = {
        (key, str(value))
        for item in rendered.objects
        for _, key, value in walk(item)
        if key in _CLASSES and value and value not in _BUILT_IN
    }
    return [
        *(_check_secret(api, rendered, each) for each in wanted(rendered)),
        *(_check_object(api, _CLASSES[key], name) for key, name in sorted(classes)),
        *_check_issuers(api, rendered),
        *_check_claims(api, rendered),
        *_check_default_storage(api, rendered),
    ]


def _check_secret(api: Api, rendered: Rendered, each: Wanted) -> Check:
    namespace = rendered.namespace
    advice = f"Create it in the namespace {namespace}, or change the settings that name it."

    def run() -> Finding:
        try:
            found = api.get(Kind("v1", each.kind), each.name, namespace)
        except NotPermitted:
            return warning(f"you may not see whether the {each.kind} {each.name} is there", advice)
        if found is None and (each.kind, each.name) in rendered.brought:
            return ok(f"the {each.kind} {each.name} is not there yet; deploying makes it")
        if found is None:
            return (failed if each.needed else warning)(f"the {each.kind} {each.name} is not there", advice)
        lacking = sorted(each.keys - {*(found.get("data") or {}), *(found.get("stringData") or {})})
        if lacking:
            return failed(f"the {each.kind} {each.name} has no {', '.join(lacking)}", "Put it in.")
        return ok(f"the {each.kind} {each.name} is there")

    return Check(f"{each.kind} {each.name}", Stage.DEPLOY, run)


def _check_object(api: Api, kind: Kind, name: str, namespace: str | None = None) -> Check:
    def run() -> Finding:
        what = f"the {kind.name} {name}"
        try:
            there = api.get(kind, name, namespace) is not None
        except NotPermitted:
            return warning(f"you may not see whether {what} is there", "Make sure that it is.")
        except UnknownKind:
            return failed(
                f"the cluster does not know {kind.name}, so {what} is not there", "Install what brings the kind."
            )
        if there:
            return ok(f"{what} is there")
        return failed(f"{what} is not there", f"Create it, or name another; see kubectl get {kind.name.lower()}")

    return Check(f"{kind.name} {name}", Stage.DEPLOY, run)


def _check_issuers(api: Api, rendered: Rendered) -> Iterator[Check]:
    made = {(str(each["kind"]), each["metadata"]["name"]) for each in rendered.of_kind("Issuer", "ClusterIssuer")}
    for each in rendered.of_kind("Certificate"):
        issuer: dict[str, Any] = each["spec"]["issuerRef"]
        kind, name = issuer.get("kind", "Issuer"), issuer["name"]
        if (kind, name) in made:
            continue
        yield _check_object(api, Kind("cert-manager.io/v1", kind), name, rendered.namespace)


def _check_claims(api: Api, rendered: Rendered) -> Iterator[Check]:
    claims = {value for item in rendered.objects for _, key, value in walk(item) if key == "claimName"}
    for name in sorted(claims - rendered.names("PersistentVolumeClaim")):
        yield _check_object(api, Kind("v1", "PersistentVolumeClaim"), name, rendered.namespace)


def _check_default_storage(api: Api, rendered: Rendered) -> list[Check]:
    """Claims that name no class need one that is the default."""
    claims = [each["spec"] for each in rendered.of_kind("PersistentVolumeClaim")] + [
        template["spec"]
        for each in rendered.of_kind("StatefulSet")
        for template in each["spec"].get("volumeClaimTemplates") or []
    ]
    if all("storageClassName" in each for each in claims):
        return []

    def run() -> Finding:
        found = api.find(_CLASSES["storageClassName"])
        defaults = [
            each for each in found if (each["metadata"].get("annotations") or {}).get(_DEFAULT_STORAGE) == "true"
        ]
        return together(
            [ok(f"volumes are made by the StorageClass {each['metadata']['name']}") for each in defaults]
            or [failed("no StorageClass is the default", "Name one in the settings, or make one the default.")],
            "no volumes",
        )

    return [Check("storage", Stage.DEPLOY, run)]
