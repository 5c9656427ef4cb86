"""Amounts of resources, as Kubernetes writes and adds them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from cluster.doctor.rendered import Json

Amounts = dict[str, Decimal]


def amount(quantity: Any) -> Decimal:
    """Read a quantity such as 500m or 4Gi."""
    from kubernetes.utils import parse_quantity

    return Decimal(parse_quantity(quantity))  # type: ignore[no-untyped-call]


def asked(spec: Json, what: str) -> Amounts:
    """Add up what a pod asks for; a container that names only limits asks for those.

    Args:
        spec: of the pod.
        what: `requests` or `limits`.
    """
    total = added(_of_container(each, what) for each in spec.get("containers") or [])
    first = [_of_container(each, what) for each in spec.get("initContainers") or []]
    resources = {*total, *(key for each in first for key in each)}
    # Those before run one after another, each with all that is there.
    return {key: max(each.get(key, Decimal(0)) for each in (total, *first)) for key in resources}


def added(amounts: Iterable[Amounts], times: int = 1) -> Amounts:
    """Add amounts up.

    Args:
        amounts: of several.
        times: how often each counts.
    """
    total: Amounts = {}
    for each in amounts:
        for key, value in each.items():
            total[key] = total.get(key, Decimal(0)) + times * value
    return total


def _of_container(container: Json, what: str) -> Amounts:
    resources = container.get("resources") or {}
    given = {**(resources.get("limits") or {}), **(resources.get(what) or {})}
    return {key: amount(value) for key, value in (given if what == "requests" else resources.get(what) or {}).items()}


def shown(value: Decimal, resource: str) -> str:
    """Write an amount as people read it."""
    if "memory" in resource or "storage" in resource:
        return f"{value / 2**30:.1f}Gi"
    return f"{value.normalize():f}"
