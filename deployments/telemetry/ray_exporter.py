"""Metrics of this process through Ray's exporter, which every node has."""

from __future__ import annotations

from typing import Any

from ray.util import metrics as ray_metrics

from deployments.telemetry.metrics import Counter, Gauge, Histogram, Registry

# Every metric has these too: Ray tells processes apart, people tell replicas.
COMMON = ("deployment", "replica")


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
        registry.switch_on()

    def export(self) -> None:
        """Hand over everything since the last time."""
        for instrument in self._registry.instruments:
            if isinstance(instrument, Counter):
                for labels, amount in instrument.take().items():
                    self._of(instrument).inc(amount, tags=self._tags(instrument, labels))
            elif isinstance(instrument, Histogram):
                for labels, value in instrument.take():
                    self._of(instrument).observe(value, tags=self._tags(instrument, labels))
            else:
                for labels, value in instrument.read().items():
                    self._of(instrument).set(value, tags=self._tags(instrument, labels))

    def _tags(self, instrument: Counter | Histogram | Gauge, labels: tuple[str, ...]) -> dict[str, str]:
        return {**self._common, **dict(zip(instrument.labels, labels, strict=True))}

    def _of(self, instrument: Counter | Histogram | Gauge) -> Any:
        """Return Ray's metric, made when it first has a value: a stage exports only what it has."""
        if instrument.name not in self._metrics:
            self._metrics[instrument.name] = _made(instrument)
        return self._metrics[instrument.name]


def _made(instrument: Counter | Histogram | Gauge) -> Any:
    keys = (*COMMON, *instrument.labels)
    if isinstance(instrument, Counter):
        return ray_metrics.Counter(instrument.name, instrument.description, keys)
    if isinstance(instrument, Histogram):
        return ray_metrics.Histogram(instrument.name, instrument.description, list(instrument.boundaries), keys)
    return ray_metrics.Gauge(instrument.name, instrument.description, keys)
