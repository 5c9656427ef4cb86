"""Two ways to start from: little money, or no single point of failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ZONES = ["1", "2", "3"]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "dev-test": {
        "kubernetes": {"tier": "Free"},
        "pools": {
            "system": {
                "vm_size": "Standard_D2ds_v5",
                "min_nodes": 1,
                "max_nodes": 2,
                "disk_gb": 64,
                "encrypted": False,
            },
            "cpu": {"vm_size": "Standard_D4ds_v5", "min_nodes": 1, "max_nodes": 3, "encrypted": False},
            "gpu": {
                "vm_size": "Standard_NC4as_T4_v3",
                "min_nodes": 0,
                "max_nodes": 1,
                "disk": "Managed",
                "encrypted": False,
            },
        },
        "registry": {"sku": "Basic"},
        "monitoring": {"daily_cap_gb": 1.0, "audit_logs": False, "grafana": False},
        "protection": {"defender": "off", "vault_retention_days": 7, "keep": False},
    },
    "production": {
        "kubernetes": {"tier": "Standard"},
        "pools": {
            "system": {"vm_size": "Standard_D4ds_v5", "min_nodes": 3, "max_nodes": 5, "zones": _ZONES},
            "cpu": {"vm_size": "Standard_D8ds_v5", "min_nodes": 3, "max_nodes": 12, "zones": _ZONES},
            # A region has this machine in some of its zones only: name them where replicas need several.
            "gpu": {"vm_size": "Standard_NC24ads_A100_v4", "min_nodes": 0, "max_nodes": 4, "disk": "Managed"},
        },
        "registry": {"sku": "Premium"},
        "monitoring": {"log_retention_days": 90},
        "protection": {"defender": "plan", "ddos": "ip", "pod_security": "deny"},
    },
}


def overlaid(preset: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the preset with what is given in its place, key by key."""
    merged = {**preset, **given}
    for key in preset.keys() & given.keys():
        if isinstance(preset[key], Mapping) and isinstance(given[key], Mapping):
            merged[key] = overlaid(preset[key], given[key])
    return merged
