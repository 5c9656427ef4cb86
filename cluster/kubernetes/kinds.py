"""Kinds of objects, and where the API server has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from cluster.kubernetes.errors import KubernetesError, NotFound, UnknownKind


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object in a version of the API.

    Attributes:
        api_version: such as v1 or ray.io/v1.
        name: such as Pod.
    """

    api_version: str
    name: str

    POD: ClassVar[Kind]
    EVENT: ClassVar[Kind]
    SECRET: ClassVar[Kind]
    SERVICE: ClassVar[Kind]
    NAMESPACE: ClassVar[Kind]
    NODE: ClassVar[Kind]
    RAY_SERVICE: ClassVar[Kind]
    RAY_CLUSTER: ClassVar[Kind]

    @property
    def group(self) -> str:
        """Of the API; empty for Kubernetes' first kinds."""
        return self.api_version.rpartition("/")[0]

    @staticmethod
    def of(content: Mapping[str, Any]) -> Kind:
        """Return an object's kind."""
        return Kind(content["apiVersion"], content["kind"])


Kind.POD = Kind("v1", "Pod")
Kind.EVENT = Kind("v1", "Event")
Kind.SECRET = Kind("v1", "Secret")
Kind.SERVICE = Kind("v1", "Service")
Kind.NAMESPACE = Kind("v1", "Namespace")
Kind.NODE = Kind("v1", "Node")
Kind.RAY_SERVICE = Kind("ray.io/v1", "RayService")
Kind.RAY_CLUSTER = Kind("ray.io/v1", "RayCluster")


class Kinds:
    """Asks the API server once for each version of the API where its kinds are.

    Args:
        read: returns the JSON under a path.
    """

    def __init__(self, read: Callable[[str], dict[str, Any]]) -> None:
        self._read = read
        self._known: dict[str, dict[str, tuple[str, bool]]] = {}

    def path(self, kind: Kind, name: str | None, namespace: str | None) -> str:
        """Return the path of an object, or of all objects of a kind.

        Raises:
            UnknownKind: the cluster does not know the kind.
        """
        plural, is_namespaced = self._look_up(kind)
        parts = [_root(kind.api_version)]
        if is_namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        elif is_namespaced and name:
            raise KubernetesError(f"The {kind.name} {name} needs a namespace.")
        parts += [plural, *([quote(name, safe="")] if name else [])]
        return "/".join(parts)

    def _look_up(self, kind: Kind) -> tuple[str, bool]:
        if kind.api_version not in self._known:
            try:
                resources = self._read(_root(kind.api_version)).get("resources") or []
            except NotFound:
                raise _unknown(kind) from None
            # `pods/log` and its like are of no kind of their own.
            self._known[kind.api_version] = {
                each["kind"]: (each["name"], each["namespaced"]) for each in resources if "/" not in each["name"]
            }
        if kind.name not in self._known[kind.api_version]:
            raise _unknown(kind)
        return self._known[kind.api_version][kind.name]


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _unknown(kind: Kind) -> UnknownKind:
    advice = " Install the KubeRay operator (Helm chart kuberay-operator)." if "ray.io" in kind.api_version else ""
    return UnknownKind(f"The cluster does not know {kind.name} of {kind.api_version}.{advice}")
