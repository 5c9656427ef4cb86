"""Requests that are over, as OpenTelemetry spans; imported only where tracing is on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from deployments.telemetry.observation import Observation
from deployments.telemetry.scrubbing import scrubbed_line
from deployments.telemetry.trace_context import TraceContext

FIRST_SERVER_ERROR = 500
NANOSECONDS = 1_000_000_000


class Spans:
    """Makes the spans of requests: one for the request, and one within it for each step.

    Calls between stages carry many requests, so a stage has no request of which its span would be a part. The steps
    come back with each request's own outcome; their lengths are exact, and they are laid end to end from when the
    request went to its stage.

    Args:
        exporter: where spans go; by batches, on a thread of its own.
        resource: what is told of this replica.
    """

    def __init__(self, exporter: SpanExporter, resource: Mapping[str, str]) -> None:
        self._ids = _GivenIds()
        # What arrives here was chosen when the request began.
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=Resource.create(dict(resource)), id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("ray-scoring")

    def add(self, observation: Observation) -> None:
        """Make the spans of one request, if its trace is kept."""
        trace = observation.trace
        if trace is None or not trace.sampled:
            return
        self._ids.give(trace)
        span = self._tracer.start_span(
            _name(observation),
            context=_parent(trace),
            kind=SpanKind.SERVER,
            attributes=_attributes(observation),
            start_time=observation.began_at,
        )
        if observation.status >= FIRST_SERVER_ERROR:
            span.set_status(Status(StatusCode.ERROR, observation.reason))
        self._add_steps(span, observation)
        span.end(end_time=observation.began_at + _nanoseconds(observation.duration))

    def shut_down(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _add_steps(self, span: Span, observation: Observation) -> None:
        within = set_span_in_context(span, Context())
        waited = max(observation.submitted - observation.began, 0.0) if observation.submitted else 0.0
        start = observation.began_at + _nanoseconds(waited)
        # What waits does so before it is worked on, though a stage tells it last.
        steps = sorted(observation.seconds.items(), key=lambda step: step[0] != "queue")
        for step, seconds in steps:
            end = start + _nanoseconds(seconds)
            self._tracer.start_span(step, context=within, start_time=start).end(end_time=end)
            start = end


class _GivenIds(IdGenerator):
    """Gives a request's span the identifiers that its response already told; children get random ones."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self._trace_id: int | None = None
        self._span_id: int | None = None

    def give(self, trace: TraceContext) -> None:
        self._trace_id, self._span_id = int(trace.trace_id, 16), int(trace.span_id, 16)

    def generate_trace_id(self) -> int:
        given, self._trace_id = self._trace_id, None
        return self._random.generate_trace_id() if given is None else given

    def generate_span_id(self) -> int:
        given, self._span_id = self._span_id, None
        return self._random.generate_span_id() if given is None else given


def _parent(trace: TraceContext) -> Context:
    if trace.parent_id is None:
        return Context()
    caller = SpanContext(
        trace_id=int(trace.trace_id, 16),
        span_id=int(trace.parent_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
        trace_state=TraceState.from_header([trace.state]) if trace.state else None,
    )
    return set_span_in_context(NonRecordingSpan(caller), Context())


def _name(observation: Observation) -> str:
    # By the paths of the service only: a name for each path that a client makes up would be no name.
    method = observation.method if observation.method.isascii() and observation.method.isalpha() else "HTTP"
    return f"{method} {observation.route}" if observation.route_is_known else method


def _attributes(observation: Observation) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "http.request.method": observation.method,
        "http.response.status_code": observation.status,
        "http.request.body.size": observation.bytes_in,
        "http.response.body.size": observation.bytes_out,
        "scoring.protocol": observation.protocol,
        "scoring.request_id": scrubbed_line(observation.request_id),
        "http.route": observation.route if observation.route_is_known else "",
        "scoring.model": observation.model,
        "scoring.version": observation.version,
        "scoring.client_id": observation.client_id,
        "error.type": observation.reason,
    }
    return {name: value for name, value in attributes.items() if value != ""}


def _nanoseconds(seconds: float) -> int:
    return int(seconds * NANOSECONDS)
