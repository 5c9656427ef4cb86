"""Lines of a log as JSON."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import orjson

from deployments.telemetry.log_filter import fields_of

# What Ray tells its own parts by, and no reader needs.
_LEFT_OUT = frozenset({"skip_context_filter", "serve_access_log", "log_to_stderr"})


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object: time, level, logger, message, then what else the record has."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        content: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in fields_of(record).items():
            if name not in _LEFT_OUT:
                content.setdefault(name, value)
        if record.exc_text:
            content["exception"] = record.exc_text
        if record.stack_info:
            content["stack"] = record.stack_info
        return dumped(content)


def dumped(content: dict[str, Any]) -> str:
    """Return JSON on one line, whatever the values are."""
    try:
        return orjson.dumps(content, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (orjson.JSONEncodeError, UnicodeError):
        # Half a surrogate pair, which is no Unicode text.
        plain = {name: str(value).encode("utf-8", "backslashreplace").decode() for name, value in content.items()}
        return orjson.dumps(plain).decode()
