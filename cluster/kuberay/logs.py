"""What the processes of a RayService print: pods, and the files that Ray writes inside of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

from pydantic import TypeAdapter, ValidationError

from cluster.kuberay.snapshot import clusters_of, pods_of
from cluster.kuberay.views import Pod
from cluster.kubernetes.api import Api
from cluster.kubernetes.errors import KubernetesError
from cluster.printable import one_line, printable

# Run by the Python of the image: tells the ends of Ray's files as JSON, so that no shell is needed in the image.
_READ_FILES = """
import collections, json, os, sys
root, lines, wanted = sys.argv[1], int(sys.argv[2]), sys.argv[3]
import fnmatch
found = {}
for folder, _, names in os.walk(os.path.realpath(root)):
    for name in names:
        path = os.path.join(folder, name)
        shown = os.path.relpath(path, os.path.realpath(root))
        if not fnmatch.fnmatch(shown, wanted) or os.path.islink(path) or not os.path.getsize(path):
            continue
        with open(path, encoding="utf-8", errors="replace") as file:
            found[shown] = [line.rstrip() for line in collections.deque(file, lines)]
print(json.dumps(found))
"""
_SESSION = "/tmp/ray/session_latest/logs"  # noqa: S108 - in the pod, where KubeRay has it
EVERY_FILE = "*"
# What it prints: the last lines of each file.
_FILES = TypeAdapter(dict[str, list[str]])


@dataclass(frozen=True, slots=True)
class Log:
    """What one process printed.

    Attributes:
        pod: its pod.
        role: what the pod is in Ray's cluster.
        source: its container, or the file that Ray writes for it.
        lines: the last ones.
    """

    pod: str
    role: str
    source: str
    lines: tuple[str, ...]


def pods(api: Api, name: str, namespace: str, wanted: str = "*") -> list[Pod]:
    """Return the pods of a RayService whose names match a pattern, the head first."""
    clusters = [each.metadata.name for each in clusters_of(api, name, namespace)]
    found = pods_of(api, clusters, namespace, with_deleted=True)
    matching = [pod for pod in found if fnmatch(pod.name, wanted) or fnmatch(pod.role, wanted)]
    return sorted(matching, key=lambda pod: (pod.role != "head", pod.name))


def container_logs(api: Api, pod: Pod, namespace: str, lines: int, *, previous: bool = False) -> Iterator[Log]:
    """Give what each container of a pod printed; one that has not run yet has no log."""
    for container in [*pod.spec.init_containers, *pod.spec.containers]:
        try:
            text = api.log(pod.name, namespace, container.name, lines=lines, previous=previous)
        except KubernetesError:
            continue
        printed = text.rstrip("\n").splitlines()
        yield Log(pod.name, pod.role, container.name, tuple(printable(line) for line in printed))


def ray_logs(api: Api, pod: Pod, namespace: str, lines: int, wanted: str = EVERY_FILE) -> list[Log]:
    """Return the ends of the files that Ray's processes write in a pod, replicas of Ray Serve among them.

    Raises:
        KubernetesError: the pod does not run, or has no Python.
    """
    command = ["python3", "-c", _READ_FILES, _SESSION, str(lines), wanted]
    printed = api.run(pod.name, namespace, pod.spec.containers[0].name, command)
    try:
        files = _FILES.validate_json(printed)
    except ValidationError:
        raise KubernetesError(
            f"Ray's files in the pod {pod.name} cannot be read: {one_line(printed, 200)}. Has its image python3?"
        ) from None
    return [
        Log(pod.name, pod.role, printable(file), tuple(printable(line) for line in text))
        for file, text in sorted(files.items())
    ]
