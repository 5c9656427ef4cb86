"""What a namespace allows: quotas, and limits of single containers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from cluster.doctor.amounts import Amounts, added, amount, asked, shown
from cluster.doctor.findings import Check, Finding, Stage, failed, ok, warning
from cluster.doctor.rendered import Json, PodGroup, Rendered, containers_of
from cluster.kubernetes.api import Api
from cluster.kubernetes.kinds import Kind

# What a quota calls requests of a resource that it bounds by its bare name.
_BARE = {"cpu", "memory", "ephemeral-storage"}

_QUOTA, _LIMITS = Kind("v1", "ResourceQuota"), Kind("v1", "LimitRange")


def checks(api: Api, rendered: Rendered) -> list[Check]:
    """Return the checks of what the namespace allows."""
    return [
        Check("quota", Stage.DEPLOY, lambda: quota(api, rendered)),
        Check("limits", Stage.DEPLOY, lambda: limit_ranges(api.find(_LIMITS, rendered.namespace), rendered)),
    ]


def quota(api: Api, rendered: Rendered) -> Finding:
    """Compare the pods with what the namespace's quotas leave."""
    namespace = rendered.namespace
    quotas = api.find(_QUOTA, namespace)
    if not quotas:
        return ok(f"the namespace {namespace} has no quota")
    names = rendered.names("RayService") if api.knows(Kind.RAY_SERVICE) else set()
    runs = any(api.get(Kind.RAY_SERVICE, name, namespace) for name in names)
    groups = rendered.pod_groups()
    least, most = needed((each, each.least) for each in groups), needed((each, each.most) for each in groups)
    if lacking := [text for each in quotas for text in _lacking(each, least)]:
        message, advice = (
            f"the quota is too small: {'; '.join(lacking)}",
            "Have it raised, or ask for less in the settings.",
        )
        # What runs already has its place; what would not find one is the next cluster of an upgrade.
        return warning(f"for an upgrade to a new cluster {message}", advice) if runs else failed(message, advice)
    if lacking := [text for each in quotas for text in _lacking(each, most)]:
        return warning(f"it starts, but the quota keeps it from scaling: {'; '.join(lacking)}", "Have it raised.")
    if not runs and (lacking := [text for each in quotas for text in _lacking(each, added([least], 2))]):
        message = f"it starts, but an upgrade to a new cluster would not fit the quota: {'; '.join(lacking)}"
        return warning(message, "Have it raised to twice of what runs.")
    return ok("the quota leaves room for every replica and for an upgrade")


def needed(groups: Iterable[tuple[PodGroup, int]]) -> Amounts:
    """Add up what groups of pods take, by the names that quotas use."""
    return added(added([_by_names_of_quotas(group.spec)], count) for group, count in groups)


def _by_names_of_quotas(spec: Json) -> Amounts:
    requests, limits = asked(spec, "requests"), asked(spec, "limits")
    return {
        "pods": Decimal(1),
        "count/pods": Decimal(1),
        **{key: value for key, value in requests.items() if key in _BARE},
        **{f"requests.{key}": value for key, value in requests.items()},
        **{f"limits.{key}": value for key, value in limits.items()},
    }


def _lacking(item: Json, wanted: Mapping[str, Decimal]) -> Iterator[str]:
    hard = (item.get("status") or {}).get("hard") or item["spec"].get("hard") or {}
    used = (item.get("status") or {}).get("used") or {}
    for key, limit in hard.items():
        left = amount(limit) - amount(used.get(key, 0))
        if key in wanted and wanted[key] > left:
            yield f"{item['metadata']['name']} leaves {shown(left, key)} of {key}, needed are {shown(wanted[key], key)}"


def limit_ranges(ranges: list[Json], rendered: Rendered) -> Finding:
    """Compare single containers and pods with the namespace's limits."""
    limits = [(each["metadata"]["name"], limit) for each in ranges for limit in each["spec"].get("limits") or []]
    if not limits:
        return ok(f"the namespace {rendered.namespace} bounds no container")
    wrong = list(dict.fromkeys(text for name, limit in limits for text in _beyond(name, limit, rendered)))
    if wrong:
        return failed("; ".join(wrong), "Have the LimitRange changed, or ask for what it allows in the settings.")
    return ok("every container is within the namespace's limits")


def _beyond(name: str, limit: Json, rendered: Rendered) -> Iterator[str]:
    for group in rendered.pod_groups():
        parts: list[tuple[str, Json]]
        if limit.get("type") == "Container":
            parts = [(f"{group.name}/{each['name']}", {"containers": [each]}) for each in containers_of(group.spec)]
        else:
            parts = [(group.name, group.spec)] if limit.get("type") == "Pod" else []
        for part, spec in parts:
            yield from _beyond_one(name, limit, part, spec)


def _beyond_one(name: str, limit: Json, part: str, spec: Json) -> Iterator[str]:
    highest, lowest = asked(spec, "limits"), asked(spec, "requests")
    for key, bound in (limit.get("max") or {}).items():
        if key in highest and highest[key] > amount(bound):
            yield f"{part} has {shown(highest[key], key)} of {key}, {name} allows {bound}"
    for key, bound in (limit.get("min") or {}).items():
        if key in lowest and lowest[key] < amount(bound):
            yield f"{part} asks for {shown(lowest[key], key)} of {key}, {name} wants {bound} at least"
