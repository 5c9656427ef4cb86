"""Puts the filter, and the JSON format where it is wanted, onto the loggers of a replica."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from logging.handlers import MemoryHandler

from deployments.telemetry.log_filter import RequestLineFilter, ScrubbingFilter
from deployments.telemetry.log_format import JsonFormatter

SERVE_LOGGER = "ray.serve"

_FILTER = ScrubbingFilter()
_REQUEST_LINES = RequestLineFilter()


def protect_logs() -> None:
    """Have every handler of this process scrub what it writes; again at any time, since Ray replaces handlers."""
    for handler in _handlers():
        if _FILTER not in handler.filters:
            handler.addFilter(_FILTER)
        # Ray's own way to say that logs are JSON; ours is the same for all lines and costs a fifth.
        if type(handler.formatter).__name__ == "JSONFormatter":
            handler.setFormatter(JsonFormatter())
    serve = logging.getLogger(SERVE_LOGGER)
    if any(isinstance(handler.formatter, JsonFormatter) for handler in _with_targets(serve)):
        _write_json_everywhere(serve)
    # Scrubbing here, too: between the moment when Ray replaces its handlers and the next call of this.
    for line_filter in (_REQUEST_LINES, _FILTER):
        if line_filter not in serve.filters:
            serve.addFilter(line_filter)


def flush_logs() -> None:
    """Write out what handlers keep back: Ray's keep a thousand lines."""
    for handler in logging.getLogger(SERVE_LOGGER).handlers:
        handler.flush()


def _write_json_everywhere(serve: logging.Logger) -> None:
    """Have standard error get JSON, too, where a cluster collects it: Ray's setting holds for its files only."""
    for handler in serve.handlers:
        if type(handler.formatter).__name__ == "ServeFormatter":
            handler.setFormatter(JsonFormatter())


def _with_targets(logger: logging.Logger) -> Iterator[logging.Handler]:
    for handler in logger.handlers:
        yield handler
        if isinstance(handler, MemoryHandler) and handler.target is not None:
            yield handler.target


def _handlers() -> Iterator[logging.Handler]:
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    for logger in loggers:
        yield from _with_targets(logger)
    if logging.lastResort is not None:
        yield logging.lastResort
