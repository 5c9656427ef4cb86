"""What happens to a RayService, told as it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cluster.kuberay.causes import Cause
from cluster.kuberay.snapshot import Snapshot
from cluster.kuberay.views import ApplicationStatus, Pod
from cluster.printable import one_line

Report = Callable[[str], None]

_NO_IMAGE = "cannot get its image"
_REASONS = {
    "ContainerCreating": "gets its image and volumes",
    "PodInitializing": "waits for what prepares it",
    "ErrImagePull": _NO_IMAGE,
    "ErrImageNeverPull": _NO_IMAGE,
    "ImagePullBackOff": _NO_IMAGE,
    "CrashLoopBackOff": "crashed, and waits to be started again",
}


class Progress:
    """Reports each thing when it changes.

    Args:
        report: shows a person a line.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._shown: dict[str, str] = {}

    def show(self, snapshot: Snapshot, causes: Sequence[Cause]) -> None:
        """Report what is new."""
        lines = dict(_lines(snapshot))
        for subject, words in lines.items():
            self._show(subject, words)
        for cause in causes:
            self._show(f"! {cause.subject}", cause.problem)

    def _show(self, subject: str, words: str) -> None:
        if words and self._shown.get(subject) != words:
            self._shown[subject] = words
            self._report(f"{subject}: {one_line(words)}")


def _lines(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    status = snapshot.service.status
    if status.pending.cluster and status.active.cluster:
        yield f"RayService {snapshot.service.metadata.name}", _upgrade(snapshot)
    for pod in snapshot.wanted_pods:
        yield f"{pod.role} {pod.name}", pod_words(pod)
    for name, application in snapshot.applications.items():
        yield f"application {name}", application_words(application)


def _upgrade(snapshot: Snapshot) -> str:
    active, pending = snapshot.service.status.active, snapshot.service.status.pending
    traffic = "" if pending.traffic_percent is None else f", {pending.traffic_percent} % of the requests go to it"
    return f"a new cluster {pending.cluster} takes over from {active.cluster}{traffic}"


def pod_words(pod: Pod) -> str:
    """Say in a word or two how a pod fares."""
    if pod.is_ready:
        return "ready"
    scheduled = pod.status.condition("PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return "waits for a node"
    for container in [*pod.status.init_containers, *pod.status.containers]:
        if container.state.waiting is not None and container.state.waiting.reason:
            reason = container.state.waiting.reason
            return _REASONS.get(reason, reason)
    running = any(container.state.running is not None for container in pod.status.containers)
    return "starts" if running else pod.status.phase.lower()


def application_words(application: ApplicationStatus) -> str:
    """Say how an application and its deployments fare."""
    deployments = ", ".join(f"{name} {each.status.lower()}" for name, each in sorted(application.deployments.items()))
    return f"{application.status.lower()} ({deployments})" if deployments else application.status.lower()
