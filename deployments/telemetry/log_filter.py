"""The filter that every handler of a replica's loggers has: nothing secret and no forged line gets past it."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from deployments.telemetry.observation import CURRENT
from deployments.telemetry.scrubbing import scrub_value, scrubbed_line, scrubbed_lines

# What every record has.
STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "asctime", "taskName"}

# What Ray Serve puts on its line for a request.
RAY_REQUEST_LINE = "serve_access_log"

# On a record that is clean; an object of this process, so that nobody can claim it by a value of `extra`.
CLEAN = "_clean"
_PROOF = object()


class RequestLineFilter(logging.Filter):
    """Drops Ray Serve's own line for each request or call, whose place the ingress's line takes.

    Ray's setting for it acts on handlers, after a line has been scrubbed; this stands before that, which would take a
    sixth of the ingress's time.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Hold back what Ray Serve marks as such a line."""
        return not getattr(record, RAY_REQUEST_LINE, False)


class ScrubbingFilter(logging.Filter):
    """Puts a record's parts together, and scrubs the whole: a secret split over arguments is whole there."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Scrub a record; none is held back."""
        if getattr(record, CLEAN, None) is not _PROOF:
            _identify(record)
            record.msg, record.args = scrubbed_line(_message(record)), None
            _scrub_traces(record)
            for name in record.__dict__.keys() - STANDARD:
                record.__dict__[name] = scrub_value(name, record.__dict__[name])
            mark_clean(record)
        return True


def mark_clean(record: logging.LogRecord) -> None:
    """Tell the filter that a record was made of scrubbed parts."""
    setattr(record, CLEAN, _PROOF)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a record has beside the standard attributes."""
    return {name: value for name, value in record.__dict__.items() if name not in STANDARD and name != CLEAN}


def _identify(record: logging.LogRecord) -> None:
    """Give a line that is written for a request that request's identifiers."""
    if (observation := CURRENT.get()) is not None:
        if observation.request_id:
            record.__dict__.setdefault("request_id", observation.request_id)
        if observation.trace is not None:
            record.__dict__.setdefault("trace_id", observation.trace.trace_id)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - wrong arguments must not keep the line back, nor show them
        return f"{record.msg} (its arguments do not fit)"


def _scrub_traces(record: logging.LogRecord) -> None:
    if record.exc_info and not record.exc_text:
        kind, error, trace = record.exc_info
        record.exc_text = "".join(traceback.format_exception(kind, error, trace))
    record.exc_info = None
    record.exc_text = scrubbed_lines(record.exc_text) if record.exc_text else None
    record.stack_info = scrubbed_lines(record.stack_info) if record.stack_info else None
