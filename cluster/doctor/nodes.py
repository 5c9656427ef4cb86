"""Whether nodes have room for the pods that the application starts with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from cluster.doctor.amounts import Amounts, amount, asked, shown
from cluster.doctor.findings import Check, Finding, Stage, failed, ok, skipped, warning
from cluster.doctor.rendered import Json, PodGroup, Rendered
from cluster.kubernetes.api import Api
from cluster.kubernetes.errors import NotPermitted
from cluster.kubernetes.kinds import Kind

GPU = "nvidia.com/gpu"


def check(api: Api, rendered: Rendered, *, nodes_grow: bool) -> Check:
    """Return the check of nodes.

    Args:
        api: of the cluster.
        rendered: what is to be applied.
        nodes_grow: whether the cluster adds nodes for pods that find no place.
    """
    return Check("nodes", Stage.DEPLOY, lambda: _check_nodes(api, rendered, nodes_grow=nodes_grow))


@dataclass(slots=True)
class Node:
    """A node and what is free of it."""

    name: str
    labels: Mapping[str, str]
    taints: list[Json]
    free: Amounts


def nodes_of(nodes: list[Json], pods: list[Json]) -> list[Node]:
    """Return the nodes that take pods, with what running pods leave of them."""
    found = {}
    for each in nodes:
        spec, status = each.get("spec") or {}, each.get("status") or {}
        ready = any(item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions") or [])
        if ready and not spec.get("unschedulable"):
            free = {key: amount(value) for key, value in (status.get("allocatable") or {}).items()}
            metadata = each["metadata"]
            found[metadata["name"]] = Node(
                metadata["name"], metadata.get("labels") or {}, spec.get("taints") or [], free
            )
    for each in pods:
        node = found.get(each["spec"].get("nodeName", ""))
        if node and (each.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}:
            _take(node, asked(each["spec"], "requests"))
    return list(found.values())


def _check_nodes(api: Api, rendered: Rendered, *, nodes_grow: bool) -> Finding:
    if not rendered.pod_groups():
        return skipped("there are no pods")
    try:
        nodes, pods = api.find(Kind.NODE), api.find(Kind.POD)
    except NotPermitted as error:
        return warning(f"you may not see what nodes have left: {error.said}", "Ask who administers the cluster.")
    own = {rendered.namespace} if rendered.of_kind("RayService") else set()
    names = rendered.names("RayService")
    # What runs of this application makes room for itself.
    others = [each for each in pods if not (each["metadata"]["namespace"] in own and _is_of(each, names))]
    return place(nodes_of(nodes, others), rendered.pod_groups(), nodes_grow=nodes_grow)


def _is_of(item: Json, services: set[str]) -> bool:
    labels = item["metadata"].get("labels") or {}
    return any(str(labels.get("ray.io/cluster", "")).startswith(f"{name}-") for name in services)


def place(nodes: list[Node], groups: list[PodGroup], *, nodes_grow: bool) -> Finding:
    """Put the pods onto nodes, the largest first, each onto the first node that has room."""
    wanted = [(group, asked(group.spec, "requests")) for group in groups for _ in range(group.least)]
    wanted.sort(key=lambda each: (each[1].get(GPU, Decimal(0)), each[1].get("memory", Decimal(0))), reverse=True)
    left_over: dict[str, str] = {}
    for group, amounts in wanted:
        node = next((each for each in nodes if not _why_not(each, group.spec, amounts)), None)
        if node is None:
            left_over.setdefault(group.name, _reasons(nodes, group.spec, amounts))
        else:
            _take(node, amounts)
    if not left_over:
        return ok(f"nodes have room for the {len(wanted)} pods that it starts with")
    message = "; ".join(f"no node has room for {name}: {why}" for name, why in left_over.items())
    if nodes_grow:
        return warning(message, "The cluster's autoscaler has to add a node; see that its pools may grow that far.")
    return failed(message, "Add nodes, label or untaint them, or ask for less in the settings.")


def _why_not(node: Node, spec: Json, amounts: Amounts) -> str:
    for key, value in (spec.get("nodeSelector") or {}).items():
        if node.labels.get(key) != value:
            return f"label {key}={value} is missing"
    for taint in node.taints:
        if taint.get("effect") in {"NoSchedule", "NoExecute"} and not _tolerated(taint, spec.get("tolerations") or []):
            return f"taint {taint['key']} is not tolerated"
    for key, value in amounts.items():
        free = node.free.get(key, Decimal(0))
        if value > free:
            return f"{shown(value, key)} of {key} asked, {shown(free, key)} free"
    if node.free.get("pods", Decimal(1)) < 1:
        return "it has as many pods as it may have"
    return ""


def _tolerated(taint: Json, tolerations: list[Json]) -> bool:
    return any(
        each.get("effect") in {None, "", taint.get("effect")}
        and (each.get("key") in {None, ""} or each.get("key") == taint["key"])
        and (each.get("operator") == "Exists" or each.get("value", "") == taint.get("value", ""))
        for each in tolerations
    )


def _reasons(nodes: list[Node], spec: Json, amounts: Amounts) -> str:
    if not nodes:
        return "no node is ready"
    counted = Counter(_why_not(each, spec, amounts) for each in nodes)
    return ", ".join(f"{count} with {why}" for why, count in counted.most_common(3))


def _take(node: Node, amounts: Amounts) -> None:
    for key, value in amounts.items():
        node.free[key] = node.free.get(key, Decimal(0)) - value
    if "pods" in node.free:
        node.free["pods"] -= 1
