import subprocess
import sys

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from deployments.errors import StartupError
from deployments.telemetry.observation import Observation
from deployments.telemetry.otlp import open_spans
from deployments.telemetry.settings import TracingSettings
from deployments.telemetry.trace_context import begun, continued
from deployments.telemetry.tracing import Spans

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
KEY = "scoring_0123456789abcdef_" + "Ab1-" * 10 + "xyz"


def observed(trace, **values):
    observation = Observation("oip", "POST", "/v2/models/image/infer", trace=trace, **values)
    observation.began_at, observation.began = 1_000_000_000, 10.0
    observation.submitted, observation.ended = 10.25, 11.0
    return observation


def spans_of(*observations):
    exporter = InMemorySpanExporter()
    spans = Spans(exporter, {"service.name": "test"})
    for observation in observations:
        spans.add(observation)
    spans.shut_down()
    return exporter.get_finished_spans()


def test_a_request_is_a_span_under_its_caller_s_with_the_identifiers_that_its_response_told():
    trace = continued(f"00-{TRACE}-{SPAN}-01", "vendor=a")
    *_, span = spans_of(observed(trace, model="image", version="1", status=200, client_id="me"))
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.context.span_id:016x}" == trace.span_id
    assert f"{span.parent.span_id:016x}" == SPAN
    assert span.context.trace_state.to_header() == "vendor=a"
    assert (span.name, span.kind) == ("POST /v2/models/image/infer", SpanKind.SERVER)
    assert (span.start_time, span.end_time) == (1_000_000_000, 2_000_000_000)
    assert span.attributes["scoring.model"] == "image"
    assert span.attributes["http.response.status_code"] == 200
    assert "error.type" not in span.attributes
    assert span.resource.attributes["service.name"] == "test"


def test_its_steps_are_spans_within_it_end_to_end_from_when_it_went_to_its_stage():
    seconds = {"decode": 0.1, "infer": 0.2, "queue": 0.05}
    *steps, request = spans_of(observed(begun(1.0), status=200, seconds=seconds))
    assert [step.name for step in steps] == ["queue", "decode", "infer"]
    assert all(step.parent.span_id == request.context.span_id for step in steps)
    assert [step.start_time for step in steps] == [1_250_000_000, 1_300_000_000, 1_400_000_000]
    assert steps[-1].end_time == 1_600_000_000
    assert len({span.context.span_id for span in (*steps, request)}) == 4


def test_what_is_not_sampled_or_has_no_trace_makes_none():
    assert spans_of(observed(begun(0.0)), observed(continued(f"00-{TRACE}-{SPAN}-00")), observed(None)) == ()


def test_an_error_shows_and_only_the_service_s_own_marks_the_span():
    ours, theirs = spans_of(
        observed(begun(1.0), status=503, reason="overloaded"), observed(begun(1.0), status=422, reason="invalid_text")
    )
    assert (ours.status.status_code, theirs.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert theirs.attributes["error.type"] == "invalid_text"


def test_nothing_that_a_client_made_up_becomes_a_name_and_no_secret_an_attribute():
    observation = observed(begun(1.0), status=404, request_id=KEY, route_is_known=False)
    observation.route = f"/x/{KEY}"
    (span,) = spans_of(observation)
    assert span.name == "POST"
    assert KEY not in str(span.to_json())


def test_traces_are_off_without_an_endpoint_and_nothing_of_opentelemetry_is_loaded():
    program = (
        "import sys; from deployments.telemetry.observer import Observer;"
        "from deployments.telemetry.settings import *;"
        "observer = Observer(); observer.configure(LoggingSettings(), TracingSettings());"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "[]\n"


def test_an_endpoint_without_the_packages_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(StartupError, match=r"ray-scoring\[telemetry\]"):
        open_spans(TracingSettings(endpoint="http://127.0.0.1:4318/v1/traces"), "a")
