"""Metrics of this process through Ray's exporter, which every node has.

The node's one agent rebuilds Ray's own histograms value by value, which takes it time for each request, and gives each
value as the middle of its bucket. So histograms are counted here, and go out as what Prometheus stores of a histogram:
gauges of the buckets, the sum and the count.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from ray.util import metrics as ray_metrics

from deployments.telemetry.buckets import Buckets, count_values
from deployments.telemetry.metrics import Counter, Gauge, Histogram, Labels, Registry
from deployments.telemetry.recorder import EXPORT_SECONDS

# Every metric has these too: Ray tells processes apart, people tell replicas.
COMMON = ("deployment", "replica")

# How often Ray takes what is set, and the variable that says so.
REPORT_INTERVAL = "RAY_metrics_report_interval_ms"
REPORT_SECONDS = 10.0


@dataclass(slots=True)
class _Exported:
    """A histogram on its way out: three gauges of Ray's, and what they say by labels."""

    bucket: Any
    sum: Any
    count: Any
    by_labels: dict[Labels, Buckets] = field(default_factory=dict)


class RayExporter:
    """Hands values to Ray, which sends them to the node's exporter.

    Args:
        registry: the instruments.
        deployment: name of this replica's deployment.
        replica: the replica.
    """

    def __init__(self, registry: Registry, deployment: str, replica: str) -> None:
        self._registry = registry
        self._common = {"deployment": deployment, "replica": replica}
        self._metrics: dict[str, Any] = {}
        self._histograms: dict[str, _Exported] = {}
        self._exports = 0
        self._refresh = refresh_exports(os.environ.get(REPORT_INTERVAL))
        registry.switch_on()

    def export(self) -> None:
        """Hand over everything since the last time."""
        self._exports += 1
        for instrument in self._registry.instruments:
            if isinstance(instrument, Counter):
                for labels, amount in instrument.take().items():
                    self._of(instrument).inc(amount, tags=self._tags(instrument, labels))
            elif isinstance(instrument, Histogram):
                self._export_histogram(instrument)
            else:
                for labels, value in instrument.read().items():
                    self._of(instrument).set(value, tags=self._tags(instrument, labels))

    def _export_histogram(self, instrument: Histogram) -> None:
        if taken := instrument.take():
            count_values(taken, instrument.boundaries, self._exported(instrument).by_labels)
        if instrument.name not in self._histograms:
            return
        exported = self._exported(instrument)
        for labels, buckets in exported.by_labels.items():
            if buckets.changed or self._exports % self._refresh == 0:
                buckets.changed = False
                tags = self._tags(instrument, labels)
                exported.sum.set(buckets.total, tags=tags)
                exported.count.set(sum(buckets.counts), tags=tags)
                for limit, count in buckets.series(instrument.boundaries):
                    exported.bucket.set(count, tags={**tags, "le": limit})

    def _tags(self, instrument: Counter | Histogram | Gauge, labels: Labels) -> dict[str, str]:
        return {**self._common, **dict(zip(instrument.labels, labels, strict=True))}

    def _of(self, instrument: Counter | Gauge) -> Any:
        """Return Ray's metric, made when it first has a value: a stage exports only what it has."""
        if instrument.name not in self._metrics:
            kind = ray_metrics.Counter if isinstance(instrument, Counter) else ray_metrics.Gauge
            self._metrics[instrument.name] = kind(
                instrument.name, instrument.description, (*COMMON, *instrument.labels)
            )
        return self._metrics[instrument.name]

    def _exported(self, instrument: Histogram) -> _Exported:
        if instrument.name not in self._histograms:
            keys = (*COMMON, *instrument.labels)
            self._histograms[instrument.name] = _Exported(
                ray_metrics.Gauge(f"{instrument.name}_bucket", instrument.description, (*keys, "le")),
                ray_metrics.Gauge(f"{instrument.name}_sum", instrument.description, keys),
                ray_metrics.Gauge(f"{instrument.name}_count", instrument.description, keys),
            )
        return self._histograms[instrument.name]


def refresh_exports(report_ms: str | None) -> int:
    """Return after how many exports histograms in which nothing changed are set again.

    Ray forgets a gauge that was not set for two of its rounds; half a round leaves time for what comes late.

    Args:
        report_ms: length of a round, as the variable says it; None where it does not.
    """
    seconds = float(report_ms) / 1000 if report_ms else REPORT_SECONDS
    return max(1, int(seconds / 2 / EXPORT_SECONDS))
