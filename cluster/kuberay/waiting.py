"""Waiting until a RayService is what was applied, or until it is clear that it will not be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from cluster.kuberay.causes import Cause
from cluster.kuberay.progress import Progress, Report
from cluster.kuberay.service_causes import causes
from cluster.kuberay.snapshot import Snapshot, clusters_of, pods_of, read_snapshot
from cluster.kuberay.states import State, serves, state
from cluster.kubernetes.api import Api
from cluster.kubernetes.errors import KubernetesError, Unreachable
from cluster.kubernetes.kinds import Kind
from deployments.errors import StartupError

ResultT = TypeVar("ResultT")

# KubeRay looks every 2 seconds. It says that it has seen a change before Ray Serve has begun with it, so what is
# healthy must be so for longer than two of its looks.
SETTLED_SECONDS = 5.0
# What only a change mends is told after this: a registry or a volume may have been a moment late.
PATIENCE_SECONDS = 15.0
# Pods change without their RayService; of those a change is seen as late as this.
LOOK_SECONDS = 2
READY_SECONDS = 1200.0
# An API server that is being renewed does not answer for some seconds.
BLIND_SECONDS = 30.0
# Pods drain for minutes where requests may take that long.
GONE_SECONDS = 600.0


class NotReady(StartupError):
    """It did not become ready.

    Attributes:
        causes: why.
        state: how it was in the end.
    """

    def __init__(self, message: str, causes: list[Cause], state: State) -> None:
        super().__init__(message)
        self.causes = causes
        self.state = state


@dataclass(frozen=True, slots=True)
class Target:
    """A RayService that is waited for."""

    api: Api
    name: str
    namespace: str

    def read(self) -> Snapshot | None:
        """Return how it fares."""
        return read_snapshot(self.api, self.name, self.namespace)

    def until_changed(self, snapshot: Snapshot | None) -> None:
        """Return when it has changed since, or after a look's time."""
        version = snapshot.service.metadata.resource_version if snapshot else None
        try:
            self.api.wait_for_change(Kind.RAY_SERVICE, self.namespace, LOOK_SECONDS, name=self.name, version=version)
        except KubernetesError:
            # A watch may end for reasons of the API server's own, such as a version that it has forgotten; the next
            # reading tells whether it answers.
            time.sleep(0.2)


def wait_until_ready(
    target: Target, report: Report, seconds: float = READY_SECONDS, clock: Callable[[], float] = time.monotonic
) -> Snapshot:
    """Wait until what was applied last is what serves, and report what happens meanwhile.

    Raises:
        NotReady: it failed, is gone, or was not ready in time; the message says why.
    """
    progress = Progress(report)
    until = clock() + seconds
    healthy_since: float | None = None
    final_since: float | None = None
    while True:
        snapshot = _patiently(target, target.read, clock)
        if snapshot is None:
            raise NotReady(f"There is no RayService {target.name} in {target.namespace} any more.", [], State.FAILED)
        found = causes(snapshot)
        progress.show(snapshot, found)
        now, current = clock(), state(snapshot, found)
        healthy_since = _since(healthy_since, now, holds=current is State.HEALTHY)
        final_since = _since(final_since, now, holds=any(each.is_final for each in found))
        if healthy_since is not None and now - healthy_since >= SETTLED_SECONDS:
            return snapshot
        if final_since is not None and now - final_since >= PATIENCE_SECONDS:
            raise NotReady(_failure("cannot become ready", snapshot, found), found, current)
        if now >= until:
            raise NotReady(_failure(f"was not ready in {seconds:.0f} seconds", snapshot, found), found, current)
        target.until_changed(snapshot)


def _patiently(target: Target, read: Callable[[], ResultT], clock: Callable[[], float]) -> ResultT:
    """Read, also where the API server does not answer for a while.

    Raises:
        Unreachable: it does not after that, either.
    """
    until = clock() + BLIND_SECONDS
    while True:
        try:
            return read()
        except Unreachable:
            if clock() >= until:
                raise
            target.until_changed(None)


def _since(before: float | None, now: float, *, holds: bool) -> float | None:
    if not holds:
        return None
    return now if before is None else before


def wait_until_gone(target: Target, report: Report, seconds: float = GONE_SECONDS) -> None:
    """Wait until a RayService that is being deleted is gone, with its clusters and pods.

    Raises:
        StartupError: something of it is still there after that time.
    """
    until, shown = time.monotonic() + seconds, ""
    # A pod may be there for longer than the cluster by whose name it is found.
    known: set[str] = set()
    while True:
        left = _patiently(target, lambda: _left(target, known), time.monotonic)
        if not left:
            return
        if time.monotonic() >= until:
            raise StartupError(
                f"After {seconds:.0f} seconds there are still {left}; a finalizer may hold them, or their node is "
                f"lost: `kubectl -n {target.namespace} describe` tells."
            )
        if left != shown:
            report(f"deleting: {left}")
            shown = left
        target.until_changed(None)


def _left(target: Target, known: set[str]) -> str:
    """Say what is left; nothing where nothing is."""
    service = target.api.get(Kind.RAY_SERVICE, target.name, target.namespace)
    clusters = [each.metadata.name for each in clusters_of(target.api, target.name, target.namespace)]
    known.update(clusters)
    pods = pods_of(target.api, list(known), target.namespace, with_deleted=True)
    parts = [f"the RayService {target.name}"] if service else []
    parts += [f"{len(clusters)} RayCluster{'s' if len(clusters) > 1 else ''}"] if clusters else []
    parts += [f"{len(pods)} pod{'s' if len(pods) > 1 else ''}"] if pods else []
    return ", ".join(parts)


def _failure(what: str, snapshot: Snapshot, found: list[Cause]) -> str:
    name = snapshot.service.metadata.name
    lines = [f"{name} {what}:", *(f"- {cause}" for cause in found)] if found else [f"{name} {what}. {_stage(snapshot)}"]
    if serves(snapshot) and snapshot.is_deploying:
        lines.append("Requests are answered by the version before it.")
    return "\n".join(lines)


def _stage(snapshot: Snapshot) -> str:
    """Say how far it came, where nothing is wrong that could be named."""
    pods = snapshot.wanted_pods
    waiting = [f"{pod.name} ({pod.role}, {pod.status.phase.lower()})" for pod in pods if not pod.is_ready]
    if not pods:
        return "KubeRay has made no pod yet; `kubectl -n NAMESPACE logs` of the KubeRay operator tells more."
    if waiting:
        return f"Nothing is wrong with these pods, and they are not ready yet: {', '.join(waiting)}; wait for longer."
    statuses = [f"{name} is {each.status}" for name, each in snapshot.applications.items()]
    if statuses:
        return f"All pods are ready, and of the applications {', '.join(statuses)}; wait for longer."
    return "All pods are ready, and Ray Serve has not begun with the application; wait for longer."
