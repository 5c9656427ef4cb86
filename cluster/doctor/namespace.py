"""The namespace, and which pods it lets in."""

from __future__ import annotations

from cluster.doctor.findings import Check, Finding, Stage, failed, ok, warning
from cluster.doctor.rendered import Rendered
from cluster.kubernetes.api import Api
from cluster.kubernetes.errors import NotPermitted
from cluster.kubernetes.kinds import Kind

ENFORCE = "pod-security.kubernetes.io/enforce"
RESTRICTED = "restricted"


def check(api: Api, rendered: Rendered) -> Check:
    """Return the check of the namespace."""
    name = rendered.namespace

    def run() -> Finding:
        try:
            found = api.get(Kind.NAMESPACE, name)
        except NotPermitted:
            return warning(f"you may not look at the namespace {name}", "Make sure that it is there.")
        if found is None:
            return _missing(name, made=name in rendered.names("Namespace"))
        if found.get("status", {}).get("phase") == "Terminating":
            return failed(f"the namespace {name} is being deleted", "Wait until it is gone, or choose another.")
        level = (found["metadata"].get("labels") or {}).get(ENFORCE)
        if level == RESTRICTED:
            return ok(f"the namespace {name} is there and lets in only pods that are '{RESTRICTED}'")
        return warning(
            f"the namespace {name} lets in pods that Pod Security calls {level or 'privileged'}",
            f"The application needs no more than '{RESTRICTED}': kubectl label namespace {name} {ENFORCE}={RESTRICTED}",
        )

    return Check("namespace", Stage.DEPLOY, run)


def is_there(api: Api, name: str) -> bool:
    """Whether the namespace is there, as far as may be seen: who may not read namespaces may still run pods in one.

    Raises:
        KubernetesError: the API server does not answer.
    """
    try:
        return api.get(Kind.NAMESPACE, name) is not None
    except NotPermitted:
        return True


def _missing(name: str, *, made: bool) -> Finding:
    if made:
        return ok(f"the namespace {name} is not there yet and will be made")
    return failed(f"the namespace {name} is not there", f"Create it: kubectl create namespace {name}")
