"""What is known of one request, from its arrival to its answer, whatever its protocol.

The event loop fills it in and puts it into a queue, one append for each request; counting, logging and tracing happen
on another thread (`deployments.telemetry.recorder`). Whoever handles a request adds what they know of it through
`note_...`, which does nothing where nobody observes.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from deployments.telemetry.trace_context import TraceContext

CURRENT: ContextVar[Observation | None] = ContextVar("scoring_observation", default=None)


@dataclass(slots=True, eq=False)
class Observation:
    """One request.

    Attributes:
        protocol: `reference`, `azureml`, `oip`, `grpc`, or `service` for what is no scoring.
        method: one of HTTP's, or `OTHER`.
        route: its path where the service has it, else as the client sent it.
        route_is_known: whether the path is one that the service has.
        model: the model's name; empty where there is none.
        version: the version's name.
        client_id: whom the guard let in; empty before it has.
        request_id: harmless, see `deployments.ingress.request_ids`.
        trace: its place in a trace; None where it has none and no spans are made.
        status: of the response, as HTTP has them; 499 where the client went away.
        reason: the code of the error that it got; empty for none.
        bytes_in: size of the request's body.
        bytes_out: size of the response's body.
        seconds: where time went inside the stages, by step.
        received: body of the request, if it is to be logged.
        sent: body of the response, if it is to be logged.
        began_at: nanoseconds since the epoch.
        began: on the clock `time.perf_counter`.
        submitted: when its first item went to a stage, on the same clock; 0 for never.
        ended: when it was answered.
    """

    protocol: str
    method: str
    route: str
    route_is_known: bool = True
    model: str = ""
    version: str = ""
    client_id: str = ""
    request_id: str = ""
    trace: TraceContext | None = None
    status: int = 0
    reason: str = ""
    bytes_in: int = 0
    bytes_out: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    received: bytes | None = None
    sent: bytes | None = None
    began_at: int = field(default_factory=time.time_ns)
    began: float = field(default_factory=time.perf_counter)
    submitted: float = 0.0
    ended: float = 0.0

    @property
    def duration(self) -> float:
        """Seconds from arrival to answer."""
        return self.ended - self.began


def note_error(code: str) -> None:
    """Note that the request at hand gets an error."""
    if (observation := CURRENT.get()) is not None:
        observation.reason = code


def note_status(status: int) -> None:
    """Note the status of the response to the request at hand, as HTTP has them."""
    if (observation := CURRENT.get()) is not None:
        observation.status = status


def note_client(client_id: str) -> None:
    """Note who sends the request at hand."""
    if (observation := CURRENT.get()) is not None:
        observation.client_id = client_id


def note_sent(size: int) -> None:
    """Note the size of the body of the response to the request at hand, in bytes."""
    if (observation := CURRENT.get()) is not None:
        observation.bytes_out = size
