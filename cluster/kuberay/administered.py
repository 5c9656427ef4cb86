"""Objects that an administrator applies once: left as they are by a user who may not change them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from cluster.kubernetes.api import Api, Object
from cluster.kubernetes.errors import NotPermitted
from cluster.kubernetes.kinds import Kind
from deployments.errors import StartupError

# Without these, no pod starts; roles are only there for people.
_NEEDED = frozenset({"Namespace", "ServiceAccount"})
_HOW = "Somebody who administers the cluster can make it: `scoring cluster render` writes it, `kubectl apply` takes it."


class _Presence(Enum):
    THERE = ""
    UNSEEN = " (may not be read)"
    MISSING = "missing"


def left_alone(api: Api, refused: Sequence[Object]) -> list[str]:
    """Say of objects that the user may not change that they are left as they are, or that they are missing.

    Raises:
        StartupError: one that pods need is missing.
    """
    found = [(each, _presence(api, each)) for each in refused]
    missing = [each for each, presence in found if presence is _Presence.MISSING]
    needed = [each for each in missing if each["kind"] in _NEEDED]
    if needed:
        raise StartupError(f"There is no {_names(needed)}, and you may not make it. {_HOW}")
    left = ", ".join(f"{_names([each])}{presence.value}" for each, presence in found if each not in missing)
    lines = [f"left as an administrator made it, since you may not change it: {left}"] if left else []
    return lines + ([f"there is no {_names(missing)}, and you may not make it. {_HOW}"] if missing else [])


def _presence(api: Api, content: Object) -> _Presence:
    metadata = content["metadata"]
    try:
        found = api.get(Kind.of(content), metadata["name"], metadata.get("namespace"))
    except NotPermitted:
        return _Presence.UNSEEN
    return _Presence.MISSING if found is None else _Presence.THERE


def _names(objects: Sequence[Object]) -> str:
    return ", ".join(f"{each['kind']} {each['metadata']['name']}" for each in objects)
