"""The same checks from inside of the cluster: a pod that lives for seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from cluster.doctor import probe
from cluster.doctor.connections import clock_finding, finding_of, name_of, request_for, unknown
from cluster.doctor.endpoints import Endpoint
from cluster.doctor.findings import Finding, Place, Result, Stage, failed, ok, skipped, warning
from cluster.doctor.hosts import Target
from cluster.doctor.probe_pod import CA_FILE, CONTAINER, NAME, NAME_LABEL, POD_SECONDS, PodSettings, pod
from cluster.doctor.rendered import Json
from cluster.kubernetes.api import Api
from cluster.kubernetes.errors import KubernetesError, NotPermitted
from cluster.kubernetes.kinds import Kind

POLL_SECONDS = 0.5
# Of the pod's log, which has one line that counts; what an image says when it starts may stand before it.
LOG_LINES, LOG_BYTES = 1000, 4 * 1024 * 1024

# Names the result that tells whether the pod ran.
POD = "pod"

API_SERVER = Target(Endpoint("kubernetes.default.svc", 443, tls=True), "API server", Stage.ROUTER)

# Why a container waits although its image is not the matter of time.
_PULL = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable"}
_START = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
# A pod is forbidden by who rules over pods, and not for want of a right.
_BY_POLICY = ("violates PodSecurity", "exceeded quota", "admission")


class NotStarted(Exception):
    """The pod does not run; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


@contextmanager
def running(api: Api, settings: PodSettings, requests: Sequence[Json]) -> Iterator[str]:
    """Create the pod, and delete it at the end whatever happens.

    Yields:
        Its name.

    Raises:
        KubernetesError: it was not let in.
    """
    content = pod(settings, requests)
    name = str(content["metadata"]["name"])
    try:
        # Inside, since an answer that is lost may leave a pod behind.
        api.create(content)
        yield name
    except BaseException:
        with suppress(KubernetesError):
            _delete(api, name, settings.namespace)
        raise
    _delete(api, name, settings.namespace)


def _delete(api: Api, name: str, namespace: str) -> None:
    api.delete(Kind.POD, name, namespace, grace_seconds=0)


def sweep(api: Api, namespace: str) -> None:
    """Delete what earlier doctors left that were killed: pods older than they may get."""
    for each in api.find(Kind.POD, namespace, labels=f"{NAME_LABEL}={NAME}"):
        created = datetime.fromisoformat(each["metadata"]["creationTimestamp"].replace("Z", "+00:00"))
        if (datetime.now(UTC) - created).total_seconds() > POD_SECONDS:
            _delete(api, each["metadata"]["name"], namespace)


def look_inside(api: Api, settings: PodSettings, targets: Sequence[Target], timeout_seconds: float) -> list[Result]:
    """Look at hosts and the clock from a pod.

    Returns:
        Whether the pod ran, then a result for each target; those are skipped where it did not.
    """
    start = time.monotonic()
    known = [API_SERVER, *(each for each in targets if not each.unknown)]
    requests = [request_for(each, timeout_seconds, proxies=False) for each in known]
    requests[0] |= {"ca_file": CA_FILE, "clock": True}
    try:
        found = _ask(api, settings, requests, 3 * timeout_seconds + 30)
    except NotStarted as error:
        return _not_looked_at(error.finding, targets, time.monotonic() - start)
    except KubernetesError as error:
        return _not_looked_at(_not_let_in(error), targets, time.monotonic() - start)
    finding = ok(f"the image {settings.image} runs as a pod under Pod Security 'restricted'")
    results = [Result(POD, Stage.DEPLOY, Place.INSIDE, finding, time.monotonic() - start)]
    clock = clock_finding(found[0], "the node's clock")
    results.append(Result("clock", Stage.ROUTER, Place.INSIDE, clock, found[0]["seconds"]))
    results += [
        Result(name_of(each), each.stage, Place.INSIDE, finding_of(each, seen, "the cluster"), seen["seconds"])
        for each, seen in zip(known, found, strict=True)
    ]
    return results + [_result(each, unknown(each)) for each in targets if each.unknown]


def _ask(api: Api, settings: PodSettings, requests: list[Json], run_seconds: float) -> list[dict[str, Any]]:
    sweep(api, settings.namespace)
    with running(api, settings, requests) as name:
        _await_end(api, name, settings, run_seconds)
        log = api.log(name, settings.namespace, CONTAINER, lines=LOG_LINES, most=LOG_BYTES)
    lines = [line for line in log.splitlines() if line.startswith(probe.MARK)]
    found = _results(lines[-1].removeprefix(probe.MARK)) if lines else []
    if len(found) != len(requests):
        last = (log.strip().splitlines() or ["it wrote nothing"])[-1][:200]
        raise NotStarted(
            failed(f"the pod ran without a result: {last}", f"See that the image {settings.image} has python3.")
        )
    return found


def _results(text: str) -> list[dict[str, Any]]:
    """Read what the probe wrote; nothing where it is something else."""
    try:
        found = json.loads(text)["found"]
        return [each for each in found if {"step", "problem", "seconds"} <= each.keys()]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def _await_end(api: Api, name: str, settings: PodSettings, run_seconds: float) -> None:
    begin = time.monotonic()
    while True:
        now = api.get(Kind.POD, name, settings.namespace)
        if now is None:
            raise NotStarted(failed("somebody deleted the pod before it ended", "Run again."))
        phase = now.get("status", {}).get("phase")
        if phase in {"Succeeded", "Failed"}:
            _raise_unless_run(now, settings)
            return
        if finding := why_waiting(now, settings):
            raise NotStarted(finding)
        limit = run_seconds + settings.start_seconds if phase == "Running" else settings.start_seconds
        if time.monotonic() - begin > limit:
            raise NotStarted(_late(api, now, limit))
        time.sleep(POLL_SECONDS)


def why_waiting(now: Json, settings: PodSettings) -> Finding | None:
    """Return why a pod will not start; None while it still may."""
    status = now.get("status", {})
    for container in status.get("containerStatuses") or []:
        waiting = container.get("state", {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), " ".join(waiting.get("message", "").split())
        if reason in _PULL:
            return failed(
                f"the nodes cannot pull the image {settings.image}: {message or reason}",
                "Build and push it (or load it into the nodes), name it rightly, or give the pull secret of its "
                "registry under image.pull_secrets.",
            )
        if reason in _START:
            return failed(f"the pod's container does not start: {message or reason}", "Name another with --image.")
    for condition in status.get("conditions") or []:
        if condition.get("reason") == "Unschedulable" and condition.get("status") == "False":
            return failed(f"no node takes the pod: {condition.get('message', '')}", "Add nodes, or free one.")
    return None


def _raise_unless_run(now: Json, settings: PodSettings) -> None:
    status = now["status"]
    for container in status.get("containerStatuses") or []:
        ended = container.get("state", {}).get("terminated") or {}
        if ended.get("reason") in {"StartError", "ContainerCannotRun"}:
            message = " ".join(str(ended.get("message", "")).split())
            raise NotStarted(
                failed(
                    f"python3 does not start in {settings.image}: {message}", "Name an image that has it with --image."
                )
            )
    if status.get("phase") == "Failed" and status.get("reason"):
        raise NotStarted(
            failed(f"the pod was ended: {status['reason']} {status.get('message', '')}".strip(), "Run again.")
        )


def _late(api: Api, now: Json, limit: float) -> Finding:
    namespace, name = now["metadata"]["namespace"], now["metadata"]["name"]
    try:
        events = api.find(Kind.EVENT, namespace, fields=f"involvedObject.name={name}")
    except KubernetesError:
        events = []
    last = " ".join(str(events[-1].get("message", "")).split()) if events else "nothing tells why"
    return failed(f"the pod has not run within {limit:.0f} s: {last}", "Look at the nodes and the registry.")


def _not_let_in(error: KubernetesError) -> Finding:
    advice = "Ask for the right to create, read and delete pods and to read their logs, or use --no-inside."
    if not isinstance(error, NotPermitted):
        return failed(f"the pod was not run: {error.said}", "Look at the API server.")
    if any(words in error.said for words in _BY_POLICY):
        return failed(f"the pod is not let in: {error.said}", "Change the namespace's policies or quota.")
    return warning(f"you may not look from inside: {error.said}", advice)


def _not_looked_at(finding: Finding, targets: Sequence[Target], seconds: float) -> list[Result]:
    results = [Result(POD, Stage.DEPLOY, Place.INSIDE, finding, seconds)]
    return results + [_result(each, skipped("the pod did not run")) for each in (API_SERVER, *targets)]


def _result(target: Target, finding: Finding) -> Result:
    return Result(name_of(target), target.stage, Place.INSIDE, finding, 0)
