"""A RayService and what goes with it: applied, followed, scaled, brought back, deleted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from cluster.kuberay.administered import left_alone
from cluster.kuberay.progress import Report
from cluster.kuberay.revisions import Revisions
from cluster.kuberay.sizes import Bounds, carry_over, scaled
from cluster.kuberay.snapshot import Snapshot
from cluster.kuberay.views import RayServiceStatus
from cluster.kuberay.waiting import GONE_SECONDS, READY_SECONDS, Target, wait_until_gone, wait_until_ready
from cluster.kubernetes.api import Api, Object
from cluster.kubernetes.errors import Conflict, KubernetesError, NotFound, NotPermitted, UnknownKind
from cluster.kubernetes.kinds import Kind
from cluster.manifests.access import ADMINISTRATORS
from deployments.errors import StartupError

# Deleting a web service leaves what may hold more than it.
_NEVER_DELETED = frozenset({"Namespace", "CustomResourceDefinition"})
_RAY_SERVICE = "RayService"
_INCREMENTAL = "NewClusterWithIncrementalUpgrade"
_STAYS = "the cluster that serves stays, and the one on its way is given up"


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of applying objects.

    Attributes:
        revision: its number.
        how: what Kubernetes does for it, in words.
        left: lines about what the user may not change.
    """

    revision: int
    how: str
    left: tuple[str, ...] = ()


class RayServices:
    """What can be done with one RayService.

    Args:
        api: its cluster.
        name: its name.
        namespace: where it is, and all that belongs to it.
    """

    def __init__(self, api: Api, name: str, namespace: str) -> None:
        self.api = api
        self.name = name
        self.namespace = namespace
        self.revisions = Revisions(api, name, namespace)
        self.target = Target(api, name, namespace)

    def read(self) -> Snapshot:
        """Return how it fares.

        Raises:
            StartupError: there is none.
        """
        snapshot = self.target.read()
        if snapshot is None:
            raise self._missing()
        return snapshot

    def content(self) -> Object | None:
        """Return the RayService as the cluster has it; None if there is none."""
        return self.api.get(Kind.RAY_SERVICE, self.name, self.namespace)

    def apply(self, objects: Sequence[Object], note: str) -> Applied:
        """Apply objects in their order, and the RayService among them last, which becomes a revision.

        Raises:
            StartupError: the cluster refuses one of them; those before it are applied.
        """
        before, ray_service = self.content(), _ray_service(objects)
        left = self.apply_others([each for each in objects if each is not ray_service])
        after = self._apply(ray_service)
        how = _STAYS if self._gives_up_pending(after) else how_it_changes(before, after)
        bounds = carry_over(self.api, ray_service)
        number = self.revisions.add(ray_service, note)
        return Applied(number, "; ".join([how, *bounds]), tuple(left))

    def apply_others(self, objects: Sequence[Object]) -> list[str]:
        """Apply objects in their order; those that an administrator applies first.

        Returns:
            Lines about those of an administrator that the user may not change, and that are left as they are.

        Raises:
            StartupError: the cluster refuses one of them, or one that the user may not make is missing.
        """
        return self._apply_each(objects, lambda _text: None, dry_run=False)

    def check(self, objects: Sequence[Object], report: Report) -> None:
        """Have the API server check objects without a change, and report what it says of each.

        What is to be in a namespace that is not there yet cannot be checked by it.

        Raises:
            StartupError: as of `apply_others`.
        """
        for line in self._apply_each(objects, report, dry_run=True):
            report(line)

    def _apply_each(self, objects: Sequence[Object], report: Report, *, dry_run: bool) -> list[str]:
        administered = [each for each in objects if each["kind"] in ADMINISTRATORS]
        refused = [each for each in administered if not self._is_taken(each, report, dry_run=dry_run)]
        lines = left_alone(self.api, refused)
        for each in objects:
            if each not in administered:
                self._apply(each, dry_run=dry_run)
                report(_accepted(each))
        return lines

    def _is_taken(self, content: Object, report: Report, *, dry_run: bool) -> bool:
        try:
            self._apply(content, dry_run=dry_run)
        except NotPermitted:
            return False
        report(_accepted(content))
        return True

    def scale(self, group: str, bounds: Bounds) -> Applied:
        """Give a worker group other bounds, in the cluster that serves and in those to come.

        Raises:
            StartupError: there is no such group, or nothing is deployed.
        """
        newest = self._newest()
        note = f"{group} from {bounds.least} to {bounds.most} pods"
        return self.apply([scaled(newest, group, bounds)], note)

    def roll_back(self, number: int | None = None) -> Applied:
        """Apply a revision again; without a number, the one before the newest.

        Raises:
            StartupError: it is not kept.
        """
        revision = self.revisions.get(number)
        return self.apply([revision.ray_service], f"back to revision {revision.number}")

    def wait_until_ready(self, report: Report, seconds: float = READY_SECONDS) -> Snapshot:
        """Wait until what was applied last serves.

        Raises:
            NotReady: it does not; the message says why.
        """
        return wait_until_ready(self.target, report, seconds)

    def delete(self, objects: Sequence[Object], report: Report, seconds: float = GONE_SECONDS) -> bool:
        """Delete the RayService, wait until its pods are gone, then delete what was applied with it.

        In this order, since the end of a cluster needs the others: with fault tolerance, Ray's state in Redis is
        cleaned up by a job of KubeRay. That job also needs the Secret with Ray's token, which the cluster owns; so what
        owns is deleted before what it owns.

        Returns:
            Whether there was one.
        """
        was_there = self.api.delete(Kind.RAY_SERVICE, self.name, self.namespace)
        wait_until_gone(self.target, report, seconds)
        for each in reversed(objects):
            if each["kind"] not in _NEVER_DELETED:
                self._delete(each)
        self.revisions.delete()
        return was_there

    def annotate(self, annotations: dict[str, str], manager: str) -> None:
        """Set a manager's annotations of the RayService, in place of those that it had set before."""
        self.api.apply(
            {
                "apiVersion": Kind.RAY_SERVICE.api_version,
                "kind": _RAY_SERVICE,
                "metadata": {"name": self.name, "namespace": self.namespace, "annotations": annotations},
            },
            manager=manager,
        )

    def _gives_up_pending(self, ray_service: Object) -> bool:
        """Have a cluster that is on its way given up where the one that serves is wanted again.

        KubeRay compares a change with the cluster that is on its way only, and would make a third one, although the
        first is still there and serves. Where upgrades are incremental, it goes back by itself.
        """
        while True:
            status = RayServiceStatus.model_validate(ray_service.get("status", {}))
            if not self._serves_already(ray_service, status):
                return False
            version = {"resourceVersion": ray_service["metadata"]["resourceVersion"]}
            given_up: Object = {"metadata": version, "status": {"pendingServiceStatus": None}}
            try:
                self.api.patch(Kind.RAY_SERVICE, self.name, self.namespace, given_up, subresource="status")
            except NotPermitted:
                return False
            except Conflict:
                # KubeRay was faster; it may have taken the last step meanwhile.
                ray_service = self.content() or {}
                continue
            return True

    def _serves_already(self, ray_service: Object, status: RayServiceStatus) -> bool:
        if not status.active.cluster or not status.pending.cluster:
            return False
        if ray_service["spec"].get("upgradeStrategy", {}).get("type") == _INCREMENTAL:
            return False
        serving = self.api.get(Kind.RAY_CLUSTER, status.active.cluster, self.namespace)
        wanted = ray_service["spec"]["rayClusterConfig"]
        return serving is not None and _without_sizes(serving["spec"]) == _without_sizes(wanted)

    def _apply(self, content: Object, *, dry_run: bool = False) -> Object:
        metadata = content["metadata"]
        try:
            return self.api.apply(content, dry_run=dry_run)
        except NotFound as error:
            if f'namespaces "{metadata.get("namespace")}"' in str(error):
                namespace = metadata["namespace"]
                raise StartupError(
                    f"There is no namespace {namespace}: `kubectl create namespace {namespace}`."
                ) from None
            raise
        except NotPermitted:
            raise
        except KubernetesError as error:
            raise KubernetesError(f"{content['kind']} {metadata['name']}: {error}", error.said) from None

    def _delete(self, content: Object) -> None:
        kind, metadata = Kind.of(content), content["metadata"]
        try:
            self.api.delete(kind, metadata["name"], metadata.get("namespace"))
        except NotPermitted:
            if kind.name not in ADMINISTRATORS:
                raise
        except UnknownKind:
            # It has no objects, then.
            return

    def _newest(self) -> Object:
        revisions = self.revisions.all()
        if not revisions:
            raise self._missing()
        return revisions[0].ray_service

    def _missing(self) -> StartupError:
        return StartupError(
            f"There is no RayService {self.name} in the namespace {self.namespace}; `scoring cluster deploy` makes it."
        )


def _accepted(content: Object) -> str:
    return f"{content['kind']} {content['metadata']['name']}: accepted"


def how_it_changes(before: Object | None, after: Object) -> str:
    """Say what KubeRay does for a change."""
    if before is None:
        return "a new RayService"
    old, new = before["spec"], after["spec"]
    if _without_sizes(old["rayClusterConfig"]) != _without_sizes(new["rayClusterConfig"]):
        kind = new.get("upgradeStrategy", {}).get("type", "NewCluster")
        if kind == "None":
            return "a change of the cluster, which the upgrade strategy None leaves undone"
        return "a new cluster beside the one that serves, which takes over once it is ready"
    if old.get("serveConfigV2") != new.get("serveConfigV2"):
        return "the application's config, in place"
    return "the number of pods" if old != new else "nothing"


def _without_sizes(ray_cluster: Object) -> str:
    """Return what KubeRay makes a new cluster for, to be compared."""
    config = json.loads(json.dumps(ray_cluster))
    config.pop("upgradeStrategy", None)
    for group in [config.get("headGroupSpec", {}), *config.get("workerGroupSpecs", [])]:
        for key in ("replicas", "minReplicas", "maxReplicas", "scaleStrategy"):
            group.pop(key, None)
        pod = group.get("template", {}).get("spec", {})
        pod.pop("tolerations", None)
        pod.pop("schedulingGates", None)
    return json.dumps(config, sort_keys=True)


def _ray_service(objects: Sequence[Object]) -> Object:
    found = [each for each in objects if each["kind"] == _RAY_SERVICE]
    if len(found) != 1:
        raise ValueError("one RayService is wanted among the objects")
    return found[0]
