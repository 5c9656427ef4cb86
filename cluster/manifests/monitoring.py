"""How Prometheus finds the pods, and the rules for their metrics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cluster.manifests.names import COMPONENT, HEAD, INSTANCE, WORKER, metadata
from deployments.errors import StartupError

if TYPE_CHECKING:
    from cluster.settings import ClusterSettings

_API = {"prometheus-operator": "monitoring.coreos.com/v1", "azure": "azmonitoring.coreos.com/v1"}
_RULES = Path(__file__).resolve().parents[2] / "observability" / "prometheus" / "scoring.rules.yaml"
# What tells series of pods apart, and pods of an old Ray cluster from those of a new one.
_POD_LABELS = {"ray_io_cluster": "ray_cluster", "app_kubernetes_io_component": "component"}

# Azure's Prometheus asks for them, and drops what is beyond.
_LIMITS = {"labelLimit": 63, "labelNameLengthLimit": 511, "labelValueLengthLimit": 1023}


def monitoring_objects(settings: ClusterSettings) -> list[dict[str, Any]]:
    """Return the monitor of the pods and, for Prometheus's operator, the rules.

    Azure's managed Prometheus has its rules outside the cluster, with the infrastructure.

    Raises:
        StartupError: the rules are not there.
    """
    kind = monitoring_kind(settings)
    if kind == "none":
        return []
    return [_monitor(settings, _API[kind]), *([_rules(settings)] if kind == "prometheus-operator" else [])]


def monitoring_kind(settings: ClusterSettings) -> str:
    """Return who fetches the metrics, with what the platform brings where the settings say nothing."""
    return settings.monitoring.kind or ("azure" if settings.platform == "aks" else "none")


def _monitor(settings: ClusterSettings, api: str) -> dict[str, Any]:
    return {
        "apiVersion": api,
        "kind": "PodMonitor",
        "metadata": _metadata(settings, settings.name),
        "spec": {
            **_LIMITS,
            "selector": {
                "matchLabels": {INSTANCE: settings.name},
                "matchExpressions": [{"key": COMPONENT, "operator": "In", "values": [HEAD, WORKER]}],
            },
            "podMetricsEndpoints": [
                {
                    "port": "metrics",
                    "interval": f"{settings.monitoring.interval_seconds}s",
                    "relabelings": [_relabeling(source, target) for source, target in _POD_LABELS.items()],
                }
            ],
        },
    }


def _relabeling(source: str, target: str) -> dict[str, Any]:
    return {"sourceLabels": [f"__meta_kubernetes_pod_label_{source}"], "targetLabel": target}


def _rules(settings: ClusterSettings) -> dict[str, Any]:
    if not _RULES.is_file():
        raise StartupError("The rules for Prometheus are only in a checkout of the source: render from one.")
    return {
        "apiVersion": _API["prometheus-operator"],
        "kind": "PrometheusRule",
        "metadata": _metadata(settings, settings.name),
        "spec": yaml.safe_load(_RULES.read_text(encoding="utf-8")),
    }


def _metadata(settings: ClusterSettings, name: str) -> dict[str, Any]:
    found = metadata(settings, name)
    return {**found, "labels": {**found["labels"], **settings.monitoring.labels}}
