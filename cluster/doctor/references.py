"""What the objects refer to and do not bring with them: Secrets, ConfigMaps, classes, issuers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cluster.doctor.api import ApiError, ClusterApi
from cluster.doctor.findings import Check, Finding, Stage, failed, ok, together, warning
from cluster.doctor.rendered import Json, Rendered, walk

# Where a key's text names an object, what kind it is of, and its place in the API.
_CLASSES = {
    "storageClassName": ("StorageClass", "/apis/storage.k8s.io/v1/storageclasses"),
    "gatewayClassName": ("GatewayClass", "/apis/gateway.networking.k8s.io/v1/gatewayclasses"),
    "ingressClassName": ("IngressClass", "/apis/networking.k8s.io/v1/ingressclasses"),
    "priorityClassName": ("PriorityClass", "/apis/scheduling.k8s.io/v1/priorityclasses"),
    "runtimeClassName": ("RuntimeClass", "/apis/node.k8s.io/v1/runtimeclasses"),
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


def checks(api: ClusterApi, rendered: Rendered) -> list[Check]:
    """Return a check for each thing that is referred to."""
    classes = {
        (kind, path, str(value))
        for item in rendered.objects
        for _, key, value in walk(item)
        if key in _CLASSES and value and value not in _BUILT_IN
        for kind, path in [_CLASSES[key]]
    }
    return [
        *(_check_secret(api, rendered, each) for each in wanted(rendered)),
        *(_check_object(api, kind, f"{path}/{name}", name) for kind, path, name in sorted(classes)),
        *_check_issuers(api, rendered),
        *_check_claims(api, rendered),
        *_check_default_storage(api, rendered),
    ]


def _check_secret(api: ClusterApi, rendered: Rendered, each: Wanted) -> Check:
    namespace = rendered.namespace
    path = f"/api/v1/namespaces/{namespace}/{each.kind.lower()}s/{each.name}"
    advice = f"Create it in the namespace {namespace}, or change the settings that name it."

    def run() -> Finding:
        try:
            found = api.find(path)
        except ApiError as error:
            if error.is_forbidden:
                return warning(f"you may not see whether the {each.kind} {each.name} is there", advice)
            raise
        if found is None and (each.kind, each.name) in rendered.brought:
            return ok(f"the {each.kind} {each.name} is not there yet; deploying makes it")
        if found is None:
            return (failed if each.needed else warning)(f"the {each.kind} {each.name} is not there", advice)
        lacking = sorted(each.keys - {*(found.get("data") or {}), *(found.get("stringData") or {})})
        if lacking:
            return failed(f"the {each.kind} {each.name} has no {', '.join(lacking)}", "Put it in.")
        return ok(f"the {each.kind} {each.name} is there")

    return Check(f"{each.kind} {each.name}", Stage.DEPLOY, run)


def _check_object(api: ClusterApi, kind: str, path: str, name: str) -> Check:
    def run() -> Finding:
        try:
            there = api.find(path) is not None
        except ApiError as error:
            if error.is_forbidden:
                return warning(f"you may not see whether the {kind} {name} is there", "Make sure that it is.")
            raise
        if there:
            return ok(f"the {kind} {name} is there")
        return failed(f"the {kind} {name} is not there", f"Create it, or name another; see kubectl get {kind.lower()}")

    return Check(f"{kind} {name}", Stage.DEPLOY, run)


def _check_issuers(api: ClusterApi, rendered: Rendered) -> Iterator[Check]:
    made = {(str(each["kind"]), each["metadata"]["name"]) for each in rendered.of_kind("Issuer", "ClusterIssuer")}
    for each in rendered.of_kind("Certificate"):
        issuer: dict[str, Any] = each["spec"]["issuerRef"]
        kind, name = issuer.get("kind", "Issuer"), issuer["name"]
        if (kind, name) in made:
            continue
        root = "/apis/cert-manager.io/v1"
        inside = f"{root}/namespaces/{rendered.namespace}/issuers" if kind == "Issuer" else f"{root}/clusterissuers"
        yield _check_object(api, kind, f"{inside}/{name}", name)


def _check_claims(api: ClusterApi, rendered: Rendered) -> Iterator[Check]:
    root = f"/api/v1/namespaces/{rendered.namespace}/persistentvolumeclaims"
    claims = {value for item in rendered.objects for _, key, value in walk(item) if key == "claimName"}
    for name in sorted(claims - rendered.names("PersistentVolumeClaim")):
        yield _check_object(api, "PersistentVolumeClaim", f"{root}/{name}", name)


def _check_default_storage(api: ClusterApi, rendered: Rendered) -> list[Check]:
    """Claims that name no class need one that is the default."""
    claims = [each["spec"] for each in rendered.of_kind("PersistentVolumeClaim")] + [
        template["spec"]
        for each in rendered.of_kind("StatefulSet")
        for template in each["spec"].get("volumeClaimTemplates") or []
    ]
    if all("storageClassName" in each for each in claims):
        return []

    def run() -> Finding:
        found = api.items("/apis/storage.k8s.io/v1/storageclasses")
        defaults = [
            each for each in found if (each["metadata"].get("annotations") or {}).get(_DEFAULT_STORAGE) == "true"
        ]
        return together(
            [ok(f"volumes are made by the StorageClass {each['metadata']['name']}") for each in defaults]
            or [failed("no StorageClass is the default", "Name one in the settings, or make one the default.")],
            "no volumes",
        )

    return [Check("storage", Stage.DEPLOY, run)]
