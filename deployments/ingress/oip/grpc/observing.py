"""Calls over gRPC, as logs, traces and metrics see them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from deployments.errors import ClientGone
from deployments.ingress.oip.grpc.calls import Call
from deployments.ingress.oip.grpc.protocol import SERVICE
from deployments.telemetry.observation import Observation
from deployments.telemetry.observer import Observer


@contextmanager
def observed(method: str, call: Call, observer: Observer) -> Iterator[Observation]:
    """Observe a call inside the block, which gets what is known of it; statuses are HTTP's, as for all protocols."""
    observation = Observation("grpc", "POST", f"/{SERVICE}/{method}", request_id=call.request_id)
    observation.status = int(HTTPStatus.OK)
    token = observer.begin(observation, *_trace_of(call))
    try:
        yield observation
    except asyncio.CancelledError:
        observation.status, observation.reason = ClientGone.status, ClientGone.code
        raise
    finally:
        observer.end(observation, token)


def _trace_of(call: Call) -> tuple[str, str]:
    states = [value for name, value in call.headers if name == b"tracestate"]
    parent = next((value for name, value in call.headers if name == b"traceparent"), b"")
    return parent.decode("latin-1"), b",".join(states).decode("latin-1")
