"""Why a RayService is not ready: what KubeRay, its pods and Ray Serve say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cluster.kuberay.causes import Cause, CauseKind
from cluster.kuberay.pod_causes import pod_causes
from cluster.kuberay.snapshot import Snapshot
from cluster.kuberay.views import ApplicationStatus
from deployments.failures import reason

_FAILED = frozenset({"DEPLOY_FAILED", "UNHEALTHY"})

# KubeRay could not hand the application's config to Ray Serve, which says why.
_NOT_TAKEN = "FailedToUpdateServeApplications"
# The head's dashboard is not up for some seconds after the pod is ready.
_NOT_UP_YET = re.compile(r"connection refused|EOF|timeout|deadline exceeded|503|no such host", re.IGNORECASE)
_REFUSED = ("FailedToCreateHeadPod", "FailedToCreateWorkerPod", "FailedToCreateRayCluster")
_PREFIX = re.compile(r"^Failed to create .*?(?:, |: )(?=\S)")


def causes(snapshot: Snapshot) -> list[Cause]:
    """Return what keeps what was applied last from being ready; the gravest first, each once."""
    found = [*_of_service(snapshot), *_of_cluster(snapshot)]
    for pod in snapshot.wanted_pods:
        found += pod_causes(snapshot, pod)
    found += _of_applications(snapshot)
    unique: dict[tuple[CauseKind, str], Cause] = {}
    for cause in found:
        unique.setdefault((cause.kind, cause.problem), cause)
    return sorted(unique.values(), key=lambda each: not each.is_final)


def _of_service(snapshot: Snapshot) -> Iterator[Cause]:
    service = snapshot.service
    subject = f"RayService {service.metadata.name}"
    ready = service.status.condition("Ready")
    if ready is not None and ready.reason == "ValidationFailed":
        yield Cause(CauseKind.INVALID, subject, f"KubeRay refuses it: {ready.message}", is_final=True)
    if ready is not None and ready.reason == "InitializingTimeout":
        advice = "Delete it, and deploy again."
        yield Cause(CauseKind.INVALID, subject, f"KubeRay gave up: {ready.message}", advice, is_final=True)
    if not service.status.conditions and not snapshot.clusters:
        advice = "Is the KubeRay operator running, and does it watch this namespace?"
        yield Cause(CauseKind.NO_OPERATOR, subject, "KubeRay has not seen it yet", advice)


def _of_cluster(snapshot: Snapshot) -> Iterator[Cause]:
    subject = f"RayCluster {snapshot.wanted.cluster}"
    advice = "Mend what refuses it: Pod Security of the namespace, a quota, a webhook, or the object itself."
    failure = snapshot.cluster.status.condition("ReplicaFailure") if snapshot.cluster else None
    if failure is not None and failure.status == "True":
        yield Cause(CauseKind.REFUSED, subject, f"no pod can be made: {_PREFIX.sub('', failure.message)}", advice)
        return
    names = (snapshot.wanted.cluster, snapshot.service.metadata.name)
    if not snapshot.wanted_pods:
        for event in [each for name in names for each in snapshot.events_of(name, *_REFUSED)][:1]:
            yield Cause(CauseKind.REFUSED, subject, f"no pod can be made: {_PREFIX.sub('', event.message)}", advice)


def _of_applications(snapshot: Snapshot) -> Iterator[Cause]:
    for name, application in snapshot.applications.items():
        if application.status in _FAILED or _is_failing(application):
            yield _of_application(name, application)
    if not snapshot.applications:
        # Of this cluster: what one before it did not take was another config.
        about = f"/{snapshot.wanted.cluster}:"
        told = snapshot.events_of(snapshot.service.metadata.name, _NOT_TAKEN)
        events = [each for each in told if about in each.message]
        if events and not _NOT_UP_YET.search(events[0].message):
            said = events[0].message.partition(f"{about} ")[2]
            yield Cause(CauseKind.APPLICATION, "Ray Serve", f"it does not take the config: {said}", is_final=True)


def _is_failing(application: ApplicationStatus) -> bool:
    """Whether a replica could not start, which Ray Serve tries some times before it gives up."""
    return any("StartupError: " in each.message for each in application.deployments.values())


def _of_application(name: str, application: ApplicationStatus) -> Cause:
    deployments = application.deployments
    failing = [each for each, status in deployments.items() if status.status not in {"HEALTHY", "RUNNING"}]
    messages = [application.message, *(deployments[each].message for each in failing)]
    text = "\n\n".join(message for message in messages if message)
    words = "is unhealthy" if application.status == "UNHEALTHY" else "does not start"
    which = f" (deployment {', '.join(failing)})" if failing else ""
    problem = f"it {words}{which}: {reason(text)}"
    is_final = application.status == "DEPLOY_FAILED" or _is_failing(application)
    advice = "`scoring cluster logs` has more, `scoring cluster rollback` brings back a revision before it."
    return Cause(CauseKind.APPLICATION, f"application {name}", problem, advice, is_final=is_final)
