"""The line that each request gets in the log."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from deployments.telemetry.log_filter import mark_clean
from deployments.telemetry.log_format import JsonLines, dumped, json_line
from deployments.telemetry.observation import Observation
from deployments.telemetry.scrubbing import scrubbed_line
from deployments.telemetry.settings import LoggingSettings

logger = logging.getLogger("ray.serve")

MESSAGE = "request"
FIRST_ERROR = 400
MAX_ROUTE = 256
PROBES = frozenset({"/", "/v2/health/live", "/v2/health/ready"})

# An identifier that the service made itself; any other may be a key that a client put there.
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class AccessLog:
    """Writes one line for each request; those of probes only where they fail.

    Args:
        settings: asked for each line.
    """

    def __init__(self, settings: Callable[[], LoggingSettings]) -> None:
        self._settings = settings
        self._lines: list[str] = []

    def write(self, observation: Observation) -> None:
        """Write the line of one request; in JSON it waits for `flush`."""
        settings = self._settings()
        is_dull = observation.route in PROBES and observation.status < FIRST_ERROR
        if not settings.access or is_dull or not logger.isEnabledFor(logging.INFO):
            return
        # When the request ended, not when this thread came to it.
        ended = observation.began_at / 1e9 + observation.duration
        fields = fields_of(observation)
        if settings.format == "json":
            self._lines.append(json_line(logger.name, "INFO", MESSAGE, ended, fields))
        else:
            _write_text(as_text(fields), ended)

    def flush(self) -> None:
        """Hand what waits to the log's handlers: for one line alone they take longer than all the rest does."""
        if self._lines:
            lines, self._lines = self._lines, []
            logger.handle(JsonLines(logger.name, lines))


def _write_text(line: str, ended: float) -> None:
    record = logger.makeRecord(logger.name, logging.INFO, "", 0, line, (), None)
    record.created = ended
    # Ray's filters look for the request that runs on this thread, and there is none.
    record.__dict__["skip_context_filter"] = True
    mark_clean(record)
    logger.handle(record)


def fields_of(observation: Observation) -> dict[str, Any]:
    """Return what is told of a request, scrubbed."""
    trace = observation.trace
    fields = {
        "request_id": _identifier(observation.request_id),
        "trace_id": trace.trace_id if trace else None,
        "span_id": trace.span_id if trace else None,
        "client_id": observation.client_id or None,
        "protocol": observation.protocol,
        "method": observation.method,
        "route": observation.route if observation.route_is_known else scrubbed_line(observation.route, MAX_ROUTE),
        "model": observation.model or None,
        "version": observation.version or None,
        "status": observation.status,
        "reason": observation.reason or None,
        "bytes_in": observation.bytes_in,
        "bytes_out": observation.bytes_out,
        "duration_ms": _milliseconds(observation.duration),
        **{f"{step}_ms": _milliseconds(seconds) for step, seconds in observation.seconds.items()},
        "request_body": _payload(observation.received),
        "response_body": _payload(observation.sent),
    }
    return {name: value for name, value in fields.items() if value is not None}


def as_text(fields: dict[str, Any]) -> str:
    """Return the fields on one line; values with spaces or quotes are quoted as in JSON."""
    shown = " ".join(f"{name}={_shown(value)}" for name, value in fields.items())
    return f"{MESSAGE} {shown}"


def _shown(value: Any) -> str:
    text = str(value)
    return text if text and not re.search(r'[\s"=\\]', text) else dumped({"": text})[4:-1]


def _identifier(request_id: str) -> str:
    return request_id if _UUID.fullmatch(request_id) else scrubbed_line(request_id)


def _payload(body: bytes | None) -> str | None:
    if body is None:
        return None
    try:
        return scrubbed_line(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        # Cut within a character, or no text.
        is_cut = error.start >= len(body) - 3
        return scrubbed_line(body[: error.start].decode("utf-8")) if is_cut and error.start else "[binary]"


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
