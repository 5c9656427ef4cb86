"""What logs, traces and metrics learn of calls."""

import asyncio

import pytest

from deployments.errors import ClientGone
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.oip.grpc.calls import Call
from deployments.ingress.oip.grpc.observing import observed
from deployments.telemetry.observer import Observer


@pytest.fixture
def seen(monkeypatch):
    """Every observation that ended."""
    found = []
    monkeypatch.setattr(
        "deployments.telemetry.recorder.Recorder.record", lambda _, observation: found.append(observation)
    )
    return found


ONE = {"name": "question", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"x"]}}


async def test_an_answer_is_observed_as_one_over_http_is(call, seen):
    answer = await call("ModelInfer", model_name="faq", model_version="2", inputs=[ONE])
    (observation,) = seen
    assert (observation.protocol, observation.status, observation.reason) == ("grpc", 200, "")
    assert observation.route == "/inference.GRPCInferenceService/ModelInfer"
    assert (observation.model, observation.version) == ("faq", "2")
    assert observation.request_id == answer.trailing["x-request-id"]
    assert observation.bytes_in > 0
    assert observation.bytes_out > 0
    assert observation.began <= observation.submitted <= observation.ended


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [({"model_name": "nothing"}, 404, "not_found"), ({"model_name": "faq"}, 422, "invalid_input")],
)
async def test_a_refusal_is_counted_by_the_status_that_it_has_over_http(call, seen, fields, status, reason):
    await call("ModelInfer", **fields)
    (observation,) = seen
    assert (observation.status, observation.reason) == (status, reason)
    # What a client names that is not there becomes no label.
    assert observation.model == ""


async def test_who_is_not_let_in_is_nobody(call, seen, limits):
    limits["access"] = AccessSettings(required=True)
    await call("ModelInfer", model_name="faq", inputs=[ONE])
    (observation,) = seen
    assert observation.status in {401, 503}
    assert observation.client_id == ""


async def test_health_has_no_model(call, seen):
    await call("ServerLive")
    assert [(each.model, each.status) for each in seen] == [("", 200)]


def test_a_client_that_went_away_is_told_apart(seen):
    call = Call("r-1", [(b"traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")], None)
    with pytest.raises(asyncio.CancelledError), observed("ModelInfer", call, Observer()):
        raise asyncio.CancelledError
    (observation,) = seen
    assert (observation.status, observation.reason) == (ClientGone.status, ClientGone.code)
    assert observation.trace is not None
    assert "a" * 32 in observation.trace.header
