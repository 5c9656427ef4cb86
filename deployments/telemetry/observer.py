"""Observes requests of any protocol: begins and ends what is known of each."""

from __future__ import annotations

import time
from contextvars import Token
from typing import TYPE_CHECKING

from deployments.stage_load import StageLoad
from deployments.telemetry.access_log import AccessLog
from deployments.telemetry.counting import count
from deployments.telemetry.instruments import IN_FLIGHT
from deployments.telemetry.observation import CURRENT, Observation
from deployments.telemetry.otlp import open_spans
from deployments.telemetry.recorder import Recorder, Task
from deployments.telemetry.settings import LoggingSettings, TracingSettings
from deployments.telemetry.trace_context import TraceContext, begun, continued

if TYPE_CHECKING:
    from deployments.telemetry.tracing import Spans


class Observer:
    """One for each replica of the ingress, for all its protocols.

    Args:
        replica: names this replica in traces.
        tasks: to be run each second, beside what is observed.

    Attributes:
        load: averages the requests that have begun and not ended.
    """

    def __init__(self, replica: str = "local", tasks: tuple[Task, ...] = ()) -> None:
        self.logging = LoggingSettings()
        self._tracing = TracingSettings()
        self._replica = replica
        self.load = StageLoad()
        self._spans: Spans | None = None
        log = AccessLog(lambda: self.logging)
        self._recorder = Recorder([count, log.write, self._trace_spans], tasks, [log.flush])
        IN_FLIGHT.watch(self, (), lambda observer: observer.in_flight)

    def start(self) -> None:
        """Begin to work off what is observed, on a thread of its own."""
        self._recorder.start()

    def configure(self, logging: LoggingSettings, tracing: TracingSettings) -> None:
        """Take over settings, also while requests are observed.

        Raises:
            StartupError: traces are wanted, and the packages for them are missing.
        """
        if (tracing.endpoint, tracing.service_name) != (self._tracing.endpoint, self._tracing.service_name):
            before, self._spans = self._spans, open_spans(tracing, self._replica)
            if before is not None:
                before.shut_down()
        self.logging, self._tracing = logging, tracing

    @property
    def in_flight(self) -> int:
        """Requests that have begun and not ended."""
        return self.load.in_replica

    def begin_request(self, observation: Observation, traceparent: str = "", tracestate: str = "") -> None:
        """As `begin`, for a request that has its task to itself: with it ends what the task knows."""
        self.load.begin()
        if traceparent or self._spans is not None:
            observation.trace = self._trace(traceparent, tracestate)
        CURRENT.set(observation)

    def end_request(self, observation: Observation) -> None:
        """End what `begin_request` began; status, sizes and client must be filled in."""
        self.load.end()
        observation.ended = time.perf_counter()
        self._recorder.record(observation)

    def begin(self, observation: Observation, traceparent: str = "", tracestate: str = "") -> Token[Observation | None]:
        """Begin to observe a request in this task; `end` must follow, whatever happens.

        Args:
            observation: what is known at its arrival.
            traceparent: the caller's header of that name; empty where it sent none.
            tracestate: likewise.
        """
        self.load.begin()
        observation.trace = self._trace(traceparent, tracestate)
        return CURRENT.set(observation)

    def end(self, observation: Observation, token: Token[Observation | None]) -> None:
        """End what `begin` began; status, sizes and client must be filled in."""
        CURRENT.reset(token)
        self.load.end()
        observation.ended = time.perf_counter()
        self._recorder.record(observation)

    def work(self) -> None:
        """Work off now what has gathered."""
        self._recorder.work()

    def stop(self) -> None:
        """Work off and send what is left."""
        self._recorder.stop()
        if self._spans is not None:
            self._spans.shut_down()

    def _trace_spans(self, observation: Observation) -> None:
        if self._spans is not None:
            self._spans.add(observation)

    def _trace(self, traceparent: str, tracestate: str) -> TraceContext | None:
        if traceparent and (trace := continued(traceparent, tracestate)):
            return trace
        return None if self._spans is None else begun(self._tracing.sample_ratio)
