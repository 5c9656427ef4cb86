"""Opens the way of spans to an OpenTelemetry collector; only where the settings name one."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from deployments.errors import StartupError
from deployments.telemetry.settings import TracingSettings

if TYPE_CHECKING:
    from deployments.telemetry.tracing import Spans


def open_spans(settings: TracingSettings, replica: str) -> Spans | None:
    """Return what makes spans and sends them by OTLP over HTTP; None where tracing is off.

    Headers, certificates and time limits of the exporter are OpenTelemetry's own variables, `OTEL_EXPORTER_OTLP_*`.

    Raises:
        StartupError: the packages for it are not installed.
    """
    if settings.endpoint is None:
        return None
    try:
        # Here, so that a service without traces needs and loads none of it.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        from deployments.telemetry.tracing import Spans  # noqa: PLC0415
    except ImportError:
        raise StartupError(
            "ingress.tracing.endpoint is set, but the packages for traces are missing: install ray-scoring[telemetry]."
        ) from None
    resource = {
        "service.name": settings.service_name,
        "service.version": version("ray-scoring"),
        "service.instance.id": replica,
    }
    return Spans(OTLPSpanExporter(endpoint=settings.endpoint), resource)
