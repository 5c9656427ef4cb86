import io
import json
import logging
from logging.handlers import MemoryHandler

import pytest

from deployments.telemetry.log_format import JsonLines
from deployments.telemetry.log_setup import SERVE_LOGGER, protect_logs


class JSONFormatter(logging.Formatter):
    """Named as Ray's own, which is known by its name."""


class ServeFormatter(logging.Formatter):
    """The same."""


@pytest.fixture
def serve_logger():
    """Ray Serve's logger with the handlers of a replica: standard error, and a file behind a buffer."""
    logger = logging.getLogger(SERVE_LOGGER)
    before = logger.handlers[:], logger.filters[:], logger.level, logger.propagate
    logger.handlers, logger.filters, logger.propagate = [], [], False
    logger.setLevel(logging.INFO)
    yield logger
    logger.handlers, logger.filters, _, logger.propagate = before
    logger.setLevel(before[2])


def with_handlers(logger, file_formatter):
    error, file = io.StringIO(), io.StringIO()
    stream, target = logging.StreamHandler(error), logging.StreamHandler(file)
    stream.setFormatter(ServeFormatter("TEXT %(message)s"))
    target.setFormatter(file_formatter)
    logger.handlers = [stream, MemoryHandler(1, target=target)]
    protect_logs()
    return error, file


def test_where_files_are_json_so_is_standard_error(serve_logger):
    error, file = with_handlers(serve_logger, JSONFormatter())
    serve_logger.info("hello")
    serve_logger.handle(JsonLines(serve_logger.name, ['{"message": "request"}']))
    for text in (error.getvalue(), file.getvalue()):
        assert [json.loads(line)["message"] for line in text.splitlines()] == ["hello", "request"]


def test_text_stays_text(serve_logger):
    error, file = with_handlers(serve_logger, ServeFormatter("TEXT %(message)s"))
    serve_logger.info("hello")
    assert error.getvalue() == file.getvalue() == "TEXT hello\n"


def test_both_are_scrubbed(serve_logger):
    error, file = with_handlers(serve_logger, JSONFormatter())
    serve_logger.info("password=hunter2secret")
    assert "hunter2secret" not in error.getvalue() + file.getvalue()
    assert len(error.getvalue().splitlines()) == 1
