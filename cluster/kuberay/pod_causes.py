"""Why a pod is not ready."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from cluster.kuberay.causes import Cause, CauseKind
from cluster.kuberay.snapshot import Snapshot
from cluster.kuberay.views import ContainerStatus, Pod, Terminated

_IMAGE_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"}
)
_CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})

# A registry that is slow or overloaded may answer the next time; for these, no next time helps.
_NO_SUCH_IMAGE = re.compile(
    r"not found|does not exist|manifest unknown|never pull|not present with pull policy of Never"
    r"|invalid reference|InvalidImageName|couldn't parse image|pull access denied",
    re.IGNORECASE,
)
# What each layer says before it lets the next one speak.
_LAYERS = re.compile(
    r"^(?:(?:Failed to pull image|failed to pull and unpack image|failed to resolve reference|Back-off pulling image)"
    r' "[^"]*": |ErrImagePull: |rpc error: code = \w+ desc = |failed to do request: |Error: )+'
)
_NO_RIGHT = re.compile(r"unauthorized|denied|forbidden|401|403", re.IGNORECASE)

# `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). preemption: ...`
_NODES = re.compile(r"^(\d+)/(\d+) nodes are available: (.*?)(?:\. (?:preemption|no new claims).*)?$", re.DOTALL)
_SHORT_OF = re.compile(r"(?:\d+ )?(?:node\(s\) )?Insufficient ([\w./-]+)")
_ADVICE_FOR_NODES = (
    ("Too many pods", "Add nodes, or allow more pods for each."),
    ("taint", "Let the group tolerate the taint, or name nodes without it."),
    ("affinity", "Correct node_selector, or label the nodes."),
    ("selector", "Correct node_selector, or label the nodes."),
    ("persistentvolumeclaim", "Look after the volume claim."),
)

# A restart may mend what was out of order for a moment; a second one would have.
MANY_RESTARTS = 2
# A node that has not seen a Secret yet says so for a moment, and goes on.
_NOT_YET = "failed to sync"
MANY_TIMES = 3
# Probes fail while Ray starts.
TO_START = timedelta(seconds=60)
_KILLED = 137
_TERMINATED = 143


def pod_causes(snapshot: Snapshot, pod: Pod) -> Iterator[Cause]:
    """Give what keeps a pod from being ready."""
    if pod.is_ready:
        return
    scheduled = pod.status.condition("PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        yield _unschedulable(snapshot, pod, scheduled.message)
        return
    if pod.status.phase == "Failed" and pod.status.reason:
        yield Cause(CauseKind.CRASH, _subject(pod), f"it was {pod.status.reason.lower()}: {pod.status.message}")
        return
    found = [
        cause
        for container in [*pod.status.init_containers, *pod.status.containers]
        if (cause := _of_container(snapshot, pod, container)) is not None
    ]
    yield from found
    if not found:
        yield from _of_volumes(snapshot, pod)
        yield from _of_probes(snapshot, pod)


def _unschedulable(snapshot: Snapshot, pod: Pod, message: str) -> Cause:
    problem, advice = message or "no node takes it", "Ask for less, or add nodes that have it."
    if match := _NODES.match(message):
        parts = match[3].strip().rstrip(".")
        short_of = list(dict.fromkeys(_SHORT_OF.findall(parts)))
        fitting, nodes = match[1], match[2]
        problem = f"no node takes it ({fitting} of {nodes}): {parts}"
        if short_of:
            advice = f"It asks for {', '.join(_asked(pod, name) for name in short_of)}: ask for less, or add nodes."
        else:
            advice = next((text for word, text in _ADVICE_FOR_NODES if word.lower() in parts.lower()), advice)
    is_final = False
    if coming := snapshot.events_of(pod.name, "TriggeredScaleUp"):
        advice = f"A node is being added: {coming[0].message}"
    elif refused := snapshot.events_of(pod.name, "NotTriggerScaleUp"):
        problem, is_final = f"{problem}; no node pool can grow for it ({refused[0].message})", True
    return Cause(CauseKind.UNSCHEDULABLE, _subject(pod), problem, advice, is_final=is_final)


def _asked(pod: Pod, resource: str) -> str:
    names = {"cpu": "cores", "memory": "memory", "nvidia.com/gpu": "GPUs", "ephemeral-storage": "disk"}
    asked = [each.resources.requests[resource] for each in pod.spec.containers if resource in each.resources.requests]
    return " ".join([" + ".join(asked), names.get(resource, resource)]).strip()


def _of_container(snapshot: Snapshot, pod: Pod, container: ContainerStatus) -> Cause | None:
    waiting = container.state.waiting
    if waiting is not None and waiting.reason in _IMAGE_REASONS:
        return _image(snapshot, pod, container)
    if waiting is not None and waiting.reason in _CONFIG_REASONS:
        return _config(pod, container, waiting.message)
    ended = container.state.terminated or (container.last_state.terminated if not container.ready else None)
    if ended is not None and ended.exit_code != 0:
        return _crash(snapshot, pod, container, ended)
    return None


def _image(snapshot: Snapshot, pod: Pod, container: ContainerStatus) -> Cause:
    waiting = container.state.waiting
    said = [waiting.message if waiting else "", *(each.message for each in snapshot.events_of(pod.name, "Failed"))]
    # `Back-off pulling image` says nothing; the event before it does.
    message = max(said, key=lambda text: (bool(_NO_SUCH_IMAGE.search(text) or _NO_RIGHT.search(text)), len(text)))
    asked_for = [*pod.spec.init_containers, *pod.spec.containers]
    image = next((each.image for each in asked_for if each.name == container.name), container.image)
    if waiting is not None and waiting.reason == "ErrImageNeverPull":
        problem = f"the image {image} is not on the node, and image.pull_policy is Never"
        return Cause(CauseKind.IMAGE, _subject(pod), problem, "Load it into every node.", is_final=True)
    advice = "Build and push it (`scoring cluster image`), or correct image.repository and image.tag."
    if _NO_RIGHT.search(message):
        advice = "Name a Secret that opens the registry in image.pull_secrets, or give the nodes the right to pull."
    problem = f"the image {image} cannot be pulled: {_short(_LAYERS.sub('', message))}"
    is_final = bool(_NO_SUCH_IMAGE.search(message)) or (waiting is not None and waiting.reason == "InvalidImageName")
    return Cause(CauseKind.IMAGE, _subject(pod), problem, advice, is_final=is_final)


def _config(pod: Pod, container: ContainerStatus, message: str) -> Cause:
    is_missing = "not found" in message or "couldn't find key" in message
    kind = CauseKind.MISSING if is_missing else CauseKind.CRASH
    advice = "Make it in the same namespace; the pod goes on by itself." if is_missing else ""
    return Cause(kind, f"{_subject(pod)}, container {container.name}", _short(message), advice)


def _crash(snapshot: Snapshot, pod: Pod, container: ContainerStatus, ended: Terminated) -> Cause:
    lines = snapshot.last_lines.get((pod.name, container.name), ())
    subject = f"{_subject(pod)}, container {container.name}"
    times = f", {container.restart_count} times" if container.restart_count > 1 else ""
    if ended.reason == "OOMKilled":
        problem = f"it took more memory than its limit and was killed{times}"
        return Cause(CauseKind.MEMORY, subject, problem, "Raise its memory.", lines)
    how = {_KILLED: "was killed", _TERMINATED: "was told to end"}.get(
        ended.exit_code, f"ended with exit code {ended.exit_code}"
    )
    said = f" ({ended.message.strip()})" if ended.message and not lines else ""
    is_final = container.restart_count >= MANY_RESTARTS
    return Cause(
        CauseKind.CRASH, subject, f"it {how}{times}{said}", "Its last lines:" if lines else "", lines, is_final
    )


def _of_volumes(snapshot: Snapshot, pod: Pod) -> Iterator[Cause]:
    events = snapshot.events_of(pod.name, "FailedMount", "FailedAttachVolume")
    is_running = any(each.state.running is not None for each in pod.status.containers)
    if not events or is_running or (_NOT_YET in events[0].message and events[0].count < MANY_TIMES):
        return
    advice = "Make it in the same namespace; the pod goes on by itself." if "not found" in events[0].message else ""
    yield Cause(CauseKind.MISSING, _subject(pod), _short(events[0].message), advice)


def _of_probes(snapshot: Snapshot, pod: Pod) -> Iterator[Cause]:
    """Give what the readiness probe says, once the pod has had the time that a start takes."""
    started = [each.state.running.started_at for each in pod.status.containers if each.state.running is not None]
    begun = max((each for each in started if each is not None), default=None)
    events = snapshot.events_of(pod.name, "Unhealthy")
    if begun is None or not events or events[0].at is None or events[0].at - begun < TO_START:
        return
    said = next((each.message for each in events if each.message.startswith("Readiness")), events[0].message)
    yield Cause(CauseKind.NOT_READY, _subject(pod), f"it runs and is not ready: {_short(said)}")


def _subject(pod: Pod) -> str:
    return f"pod {pod.name} ({pod.role})"


def _short(message: str, most: int = 400) -> str:
    line = " ".join(message.split()).rstrip(".")
    return line if len(line) <= most else f"{line[:most]}..."
