"""Lines of a log as JSON."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import orjson

from deployments.telemetry.log_filter import fields_of, mark_clean

# What Ray tells its own parts by, and no reader needs.
_LEFT_OUT = frozenset({"skip_context_filter", "serve_access_log", "log_to_stderr"})


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object: time, level, logger, message, then what else the record has."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        message = record.getMessage()
        if isinstance(record, JsonLines):
            return message
        fields = {name: value for name, value in fields_of(record).items() if name not in _LEFT_OUT}
        if record.exc_text:
            fields["exception"] = record.exc_text
        if record.stack_info:
            fields["stack"] = record.stack_info
        return json_line(record.name, record.levelname, message, record.created, fields)


class JsonLines(logging.LogRecord):
    """Several lines that are formatted and scrubbed already, on their way to the handlers together.

    Args:
        logger: name of the logger.
        lines: of `json_line`.
    """

    def __init__(self, logger: str, lines: list[str]) -> None:
        super().__init__(logger, logging.INFO, "", 0, "\n".join(lines), None, None)
        # Ray's filters look for the request that runs on this thread, and there is none.
        self.__dict__["skip_context_filter"] = True
        mark_clean(self)


def json_line(logger: str, level: str, message: str, at: float, fields: dict[str, Any]) -> str:
    """Return a line of the log: time (`at`, in seconds since the epoch), level, logger and message, then the fields."""
    first = {
        "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
        "level": level,
        "logger": logger,
        "message": message,
    }
    return dumped(first | {name: value for name, value in fields.items() if name not in first})


def dumped(content: dict[str, Any]) -> str:
    """Return JSON on one line, whatever the values are."""
    try:
        return orjson.dumps(content, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (orjson.JSONEncodeError, UnicodeError):
        # Half a surrogate pair, which is no Unicode text.
        plain = {name: str(value).encode("utf-8", "backslashreplace").decode() for name, value in content.items()}
        return orjson.dumps(plain).decode()
