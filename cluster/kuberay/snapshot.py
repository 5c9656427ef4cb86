"""Everything that tells how a RayService fares, read at one time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cluster.kuberay.views import ApplicationStatus, Event, Pod, RayCluster, RayService, Side
from cluster.kubernetes.api import Api
from cluster.kubernetes.errors import KubernetesError
from cluster.kubernetes.kinds import Kind
from cluster.printable import one_line

CLUSTER_LABEL = "ray.io/cluster"
SERVICE_LABEL = "ray.io/originated-from-cr-name"
LAST_LINES = 20
# A program may print lines of any length, and these are read again at every look.
LONGEST = 500
LAST_BYTES = 64 * 1024


@dataclass(frozen=True)
class Snapshot:
    """A RayService and what belongs to it.

    Attributes:
        service: the RayService.
        clusters: its clusters.
        pods: pods of its clusters, but for those that are being deleted.
        events: of all of these, oldest first.
        last_lines: what containers that ended printed last, by pod and container.
    """

    service: RayService
    clusters: tuple[RayCluster, ...] = ()
    pods: tuple[Pod, ...] = ()
    events: tuple[Event, ...] = ()
    last_lines: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_deploying(self) -> bool:
        """Whether what was applied last is still on its way to become what serves."""
        status = self.service.status
        is_seen = status.observed_generation >= self.service.metadata.generation
        return not is_seen or bool(status.pending.cluster) or not status.active.cluster

    @property
    def wanted(self) -> Side:
        """The cluster of what was applied last."""
        status = self.service.status
        return status.pending if status.pending.cluster else status.active

    @property
    def applications(self) -> dict[str, ApplicationStatus]:
        """What Ray Serve says of the applications as they were applied last."""
        return self.wanted.applications

    @property
    def cluster(self) -> RayCluster | None:
        """The cluster that is wanted, if it is there already."""
        return next((each for each in self.clusters if each.metadata.name == self.wanted.cluster), None)

    @property
    def wanted_pods(self) -> list[Pod]:
        """Pods of the cluster that is wanted, its head first."""
        pods = [pod for pod in self.pods if pod.metadata.labels.get(CLUSTER_LABEL) == self.wanted.cluster]
        return sorted(pods, key=lambda pod: (pod.role != "head", pod.name))

    def events_of(self, name: str, *reasons: str) -> list[Event]:
        """Return events about an object, newest first."""
        found = [each for each in self.events if each.about.name == name and (not reasons or each.reason in reasons)]
        return found[::-1]


def read_snapshot(api: Api, name: str, namespace: str) -> Snapshot | None:
    """Read a RayService and what belongs to it; None if there is none."""
    content = api.get(Kind.RAY_SERVICE, name, namespace)
    if content is None:
        return None
    service = RayService.of(content)
    clusters = clusters_of(api, name, namespace)
    pods = pods_of(api, [each.metadata.name for each in clusters], namespace)
    names = {name, *(each.metadata.name for each in clusters), *(each.name for each in pods)}
    return Snapshot(
        service, tuple(clusters), tuple(pods), tuple(_events(api, namespace, names)), _last_lines(api, pods, namespace)
    )


def clusters_of(api: Api, name: str, namespace: str) -> list[RayCluster]:
    """Return the clusters of a RayService."""
    found = api.find(Kind.RAY_CLUSTER, namespace, labels=f"{SERVICE_LABEL}={name}")
    return [RayCluster.of(each) for each in found]


def pods_of(api: Api, clusters: list[str], namespace: str, *, with_deleted: bool = False) -> list[Pod]:
    """Return the pods of clusters, without those that are being deleted unless they are asked for."""
    if not clusters:
        return []
    found = api.find(Kind.POD, namespace, labels=f"{CLUSTER_LABEL} in ({','.join(sorted(clusters))})")
    pods = [Pod.of(each) for each in found]
    return [pod for pod in pods if with_deleted or pod.metadata.deletion_timestamp is None]


def _events(api: Api, namespace: str, names: set[str]) -> list[Event]:
    events = [Event.of(each) for each in api.find(Kind.EVENT, namespace)]
    about = [each for each in events if each.about.name in names and each.at is not None]
    return sorted(about, key=lambda each: str(each.at))


def _last_lines(api: Api, pods: list[Pod], namespace: str) -> dict[tuple[str, str], tuple[str, ...]]:
    lines = {}
    for pod in pods:
        for container in [*pod.status.init_containers, *pod.status.containers]:
            if not container.ready and container.end is not None and container.end.exit_code != 0:
                lines[pod.name, container.name] = last_lines(api, pod.name, namespace, container.name)
    return lines


def last_lines(api: Api, pod: str, namespace: str, container: str) -> tuple[str, ...]:
    """Return what a container printed before it ended last; nothing where nobody keeps it any more."""
    for previous in (True, False):
        try:
            text = api.log(pod, namespace, container, lines=LAST_LINES, previous=previous, most=LAST_BYTES)
        except KubernetesError:
            continue
        if text.strip():
            return tuple(one_line(line, LONGEST) for line in text.rstrip().splitlines()[-LAST_LINES:])
    return ()
