"""What the processes of a RayService print: pods, and the files that Ray writes inside of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

from cluster.kuberay.snapshot import clusters_of, pods_of
from cluster.kuberay.views import Pod
from cluster.kubernetes.api import Api
from cluster.kubernetes.errors import KubernetesError

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
        yield Log(pod.name, pod.role, container.name, tuple(text.rstrip("\n").splitlines()))


def ray_logs(api: Api, pod: Pod, namespace: str, lines: int, wanted: str = EVERY_FILE) -> list[Log]:
    """Return the ends of the files that Ray's processes write in a pod, replicas of Ray Serve among them.

    Raises:
        KubernetesError: the pod does not run, or has no Python.
    """
    command = ["python3", "-c", _READ_FILES, _SESSION, str(lines), wanted]
    printed = api.run(pod.name, namespace, pod.spec.containers[0].name, command)
    try:
        files: dict[str, list[str]] = json.loads(printed)
    except ValueError:
        raise KubernetesError(f"Ray's files in the pod {pod.name} cannot be read: {printed[:200]}") from None
    return [Log(pod.name, pod.role, file, tuple(text)) for file, text in sorted(files.items())]
