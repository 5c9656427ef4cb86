"""The whole examination: which checks there are, and in which order they can run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cluster.doctor import certificates, kuberay, namespace, nodes, permissions, quota, references
from cluster.doctor.connections import check_api_server, check_clock, check_here
from cluster.doctor.findings import Check, Finding, Outcome, Place, Result, Stage, failed, ok, skipped
from cluster.doctor.hosts import Target, targets
from cluster.doctor.inside import POD, look_inside
from cluster.doctor.probe_pod import PodSettings
from cluster.doctor.rendered import Rendered
from cluster.doctor.runner import run_checks, skip
from cluster.kubernetes.api import Api
from cluster.kubernetes.errors import KubernetesError, NotAuthenticated, NotFound, NotPermitted, UnknownKind

NOT_REACHED = "the API server does not let you in"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is examined.

    Attributes:
        rendered: what is to be applied.
        platform: what the cluster offers beside Kubernetes.
        stages: that are looked at.
        inside: whether a pod looks, too.
        image: of that pod; the application's where it is None.
        timeout_seconds: for one connection, and for an answer of the API server.
        pod_seconds: how long the pod may take to start.
    """

    rendered: Rendered
    platform: str
    stages: Collection[Stage] = tuple(Stage)
    inside: bool = True
    image: str | None = None
    timeout_seconds: float = 5
    pod_seconds: float = 120


def examine(api: Api, plan: Plan) -> list[Result]:
    """Look at everything that the application needs.

    Returns:
        A result for each check, by stage; first what was seen from this machine.
    """
    first = run_checks([check_api_server(api.server, plan.timeout_seconds), _who(api)], explain)
    reached = all(each.finding.outcome is not Outcome.FAILED for each in first)
    wanted = targets(plan.rendered, platform=plan.platform, api_server=api.server.url)
    wanted = [each for each in wanted if each.stage in plan.stages]
    checks = [each for each in _checks(api, plan, wanted) if each.stage in plan.stages]
    asking = [each for each in checks if each.needs_api and not reached]
    with ThreadPoolExecutor(1) as beside:
        others = beside.submit(run_checks, [each for each in checks if each not in asking], explain)
        # In this thread, which an interrupt reaches: so the pod is deleted then, too.
        inside = _inside(api, plan, wanted) if plan.inside and reached else []
    # Whether the pod ran concerns every stage.
    inside = [each for each in inside if each.stage in plan.stages or each.name == POD]
    results = [*first, *others.result(), *skip(asking, NOT_REACHED), *inside]
    order = list(Stage)
    return sorted(results, key=lambda each: (order.index(each.stage), each.place is Place.INSIDE))


def explain(error: Exception) -> Finding:
    """Make a finding of what a check raised."""
    if isinstance(error, NotPermitted):
        return Finding(Outcome.WARNING, f"you may not look: {error.said}", "Ask for the right to read it.")
    if isinstance(error, KubernetesError):
        return failed(error.said, "Check the connection to the API server, and run again.")
    return failed(f"this check broke: {type(error).__name__}: {error}", "Please report this.")


def _checks(api: Api, plan: Plan, wanted: Sequence[Target]) -> list[Check]:
    rendered, seconds = plan.rendered, plan.timeout_seconds
    return [
        check_clock(api.server, seconds),
        *certificates.checks(api, rendered),
        *(check_here(each, seconds, decisive=not plan.inside) for each in wanted if not each.in_cluster),
        *kuberay.checks(api, rendered),
        namespace.check(api, rendered),
        *permissions.checks(api, rendered),
        *quota.checks(api, rendered),
        nodes.check(api, rendered, nodes_grow=plan.platform == "aks"),
        *references.checks(api, rendered),
        kuberay.dry_run(api, rendered),
    ]


def _who(api: Api) -> Check:
    def run() -> Finding:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            review = api.create(body)
        except NotAuthenticated:
            return failed("the API server does not know you", "Log in again, or take another --context.")
        except (NotFound, UnknownKind, NotPermitted):
            return ok("the API server knows you")
        return ok(f"the API server knows you as {review['status']['userInfo'].get('username', 'nobody')}")

    return Check("login", Stage.CREATE, run)


def _inside(api: Api, plan: Plan, wanted: Sequence[Target]) -> list[Result]:
    image = plan.image or plan.rendered.image()
    if image is None:
        return [Result(POD, Stage.DEPLOY, Place.INSIDE, skipped("there is no image: name one with --image"), 0)]
    name = plan.rendered.namespace
    if not namespace.is_there(api, name):
        why = skipped(f"the namespace {name} is not there yet")
        return [Result(POD, Stage.DEPLOY, Place.INSIDE, why, 0)]
    settings = PodSettings(name, image, plan.rendered.lead(), plan.pod_seconds)
    return look_inside(api, settings, wanted, plan.timeout_seconds)
