"""KubeRay and what else the cluster must know: kinds, their fields, the operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cluster.doctor.findings import Check, Finding, Stage, failed, ok, skipped, warning
from cluster.doctor.namespace import is_there
from cluster.doctor.permissions import plural
from cluster.doctor.rendered import Json, Rendered
from cluster.kubernetes.api import Api
from cluster.kubernetes.errors import KubernetesError, NotFound, NotPermitted, UnknownKind
from cluster.kubernetes.kinds import Kind

# Conditions of a RayService and GCS fault tolerance options came with 1.3; 2 is not there yet.
SUPPORTED = ((1, 4), (2, 0))
SUPPORTED_TEXT = "1.4 or later, before 2"

# Kubernetes that KubeRay 1.4 to 1.6 and the API versions of the objects run on.
LEAST_KUBERNETES = (1, 28)

_OWN_GROUPS = {"", "apps", "batch", "policy", "networking.k8s.io", "rbac.authorization.k8s.io", "autoscaling"}
_HELP = {
    "ray.io": "Install the KubeRay operator with its CRDs: helm install kuberay-operator kuberay/kuberay-operator.",
    "gateway.networking.k8s.io": "Install the Gateway API's CRDs, or use an Ingress.",
    "cert-manager.io": "Install cert-manager, or name a Secret with a certificate of your own.",
    "monitoring.coreos.com": "Install the Prometheus operator's CRDs, or turn monitoring off.",
    "azmonitoring.coreos.com": "Turn on Azure Monitor's managed Prometheus, or turn monitoring off.",
    "secrets-store.csi.x-k8s.io": "Turn on the add-on azure-keyvault-secrets-provider, or use Secrets.",
}
_DEPLOYMENT = Kind("apps/v1", "Deployment")
_DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.\d+)?")


def checks(api: Api, rendered: Rendered) -> list[Check]:
    """Return the checks of the operator, of Kubernetes, and of each kind that is no part of Kubernetes."""
    kinds: dict[Kind, list[Json]] = {}
    for each in rendered.objects:
        kind = Kind.of(each)
        if kind.group not in _OWN_GROUPS:
            kinds.setdefault(kind, []).append(each)
    return [
        Check("Kubernetes", Stage.CREATE, lambda: kubernetes_version(api)),
        Check("KubeRay operator", Stage.ROUTER, lambda: operator(api)),
        *(_check_kind(api, kind, objects) for kind, objects in kinds.items()),
    ]


def kubernetes_version(api: Api) -> Finding:
    """Whether Kubernetes is new enough."""
    told = str(api.read("/version").get("gitVersion", ""))
    version = _parse(told)
    if version is None or version >= LEAST_KUBERNETES:
        return ok(f"Kubernetes {told}")
    return failed(f"Kubernetes {told} is too old", f"Upgrade it to {'.'.join(map(str, LEAST_KUBERNETES))} or later.")


def operator(api: Api) -> Finding:
    """Whether the operator runs, in a version that is known to work."""
    advice = f"Make sure that one of version {SUPPORTED_TEXT} runs."
    try:
        found = api.find(_DEPLOYMENT, labels="app.kubernetes.io/name=kuberay-operator")
    except NotPermitted:
        return warning("you may not look for the operator's Deployment in all namespaces", advice)
    if not found:
        return warning("no operator runs as a Deployment in this cluster; it may run elsewhere", advice)
    return _operator(found[0])


def _operator(deployment: Json) -> Finding:
    where = f"{deployment['metadata']['namespace']}/{deployment['metadata']['name']}"
    images = [str(each.get("image", "")) for each in deployment["spec"]["template"]["spec"]["containers"]]
    image = next((each for each in images if "operator" in each), images[0])
    if not deployment.get("status", {}).get("readyReplicas"):
        return failed(
            f"the operator {where} has no pod that is ready", f"Look at its pods: kubectl describe -n {where}."
        )
    tag = image.partition("@")[0].rpartition(":")[2]
    version = _parse(tag)
    if version is None:
        return warning(f"the operator {where} runs {image}, whose version is not told", f"It must be {SUPPORTED_TEXT}.")
    if not SUPPORTED[0] <= version < SUPPORTED[1]:
        return failed(f"KubeRay {tag} is not supported", f"Install version {SUPPORTED_TEXT}, CRDs included.")
    return ok(f"KubeRay {tag} runs as {where}")


def _check_kind(api: Api, kind: Kind, objects: list[Json]) -> Check:
    stage = Stage.ROUTER if kind.group == "ray.io" else Stage.DEPLOY
    help_text = _HELP.get(kind.group, f"Install what brings {kind.name}, or take it out of the settings.")

    def run() -> Finding:
        if not api.knows(kind):
            return failed(f"the cluster does not know {kind.name} of {kind.api_version}", help_text)
        try:
            crd = api.get(_DEFINITION, f"{plural(kind.name)}.{kind.group}")
        except NotPermitted:
            crd = None
        if crd is None:
            return ok(f"{kind.api_version} is served; its fields could not be compared")
        schema = schema_of(crd, kind.api_version.rpartition("/")[2])
        unknown = sorted({field for each in objects for field in unknown_fields(each, schema)})
        if unknown:
            more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""  # noqa: PLR2004 - a line must stay readable
            return failed(
                f"its {kind.name} does not know {', '.join(unknown[:3])}{more}", f"Upgrade its CRDs. {help_text}"
            )
        return ok(f"{kind.api_version} is served and knows every field")

    return Check(f"kind {kind.name}", stage, run)


def schema_of(crd: Json, version: str) -> Json:
    """Return the schema of one version of a CRD; empty if it has none."""
    for each in crd["spec"]["versions"]:
        if each["name"] == version:
            return dict((each.get("schema") or {}).get("openAPIV3Schema") or {})
    return {}


def unknown_fields(value: Any, schema: Json, path: str = "") -> Iterator[str]:
    """Yield the paths of fields that a structural schema does not have, which the API server would drop.

    Args:
        value: an object, or a part of it.
        schema: what it must look like; an empty one allows everything.
        path: where the part is.
    """
    if not schema or schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    if isinstance(value, dict):
        yield from _unknown_keys(value, schema, path)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for item in value:
            yield from unknown_fields(item, schema["items"], f"{path}[]")


def _unknown_keys(value: Json, schema: Json, path: str) -> Iterator[str]:
    properties, others = schema.get("properties"), schema.get("additionalProperties")
    for key, item in value.items():
        if not path and key in {"apiVersion", "kind", "metadata"}:
            continue
        place = f"{path}.{key}" if path else key
        if properties and key in properties:
            yield from unknown_fields(item, properties[key], place)
        elif isinstance(others, dict):
            yield from unknown_fields(item, others, place)
        elif properties is not None and not others:
            yield place


def dry_run(api: Api, rendered: Rendered) -> Check:
    """Return the check that the API server would take every object: schemas, policies and webhooks included."""

    def run() -> Finding:
        if not rendered.objects:
            return skipped("there are no objects")
        if not is_there(api, rendered.namespace):
            return skipped(f"the namespace {rendered.namespace} is not there yet")
        refused = [text for each in rendered.objects if (text := _refused(api, each))]
        if refused:
            return failed("; ".join(refused), "Change the settings, or the policy that is named.")
        return ok(f"the API server would take all {len(rendered.objects)} objects")

    return Check("dry run", Stage.DEPLOY, run, limit_seconds=60)


def _refused(api: Api, item: Json) -> str | None:
    try:
        api.apply(item, dry_run=True)
    except (UnknownKind, NotFound, NotPermitted):
        # Kinds and rights that are missing have checks of their own.
        return None
    except KubernetesError as error:
        return f"{item['kind']} {item['metadata']['name']}: {error.said}"
    return None


def _parse(text: str) -> tuple[int, int] | None:
    match = _VERSION.match(text)
    return (int(match[1]), int(match[2])) if match else None
