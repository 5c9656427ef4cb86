import io
import json
import logging
from logging.handlers import MemoryHandler

import pytest

from deployments.telemetry import log_setup
from deployments.telemetry.access_log import AccessLog
from deployments.telemetry.observation import Observation
from deployments.telemetry.settings import LoggingSettings


def observed(route="/faq/score", status=200, **values):
    observation = Observation("reference", "POST", route, status=status, **values)
    observation.began_at, observation.began, observation.ended = 1_000_000_000, 10.0, 10.25
    return observation


@pytest.fixture
def written(monkeypatch):
    """What Ray's file of a replica gets; set up as Ray does where logs are JSON."""

    class JSONFormatter(logging.Formatter):
        pass

    target = logging.StreamHandler(io.StringIO())
    target.setFormatter(JSONFormatter())
    logger = logging.getLogger("ray.serve")
    for name, value in {"handlers": [MemoryHandler(100, target=target)], "filters": [], "propagate": False}.items():
        monkeypatch.setattr(logger, name, value)
    monkeypatch.setattr(logger, "level", logging.INFO)
    logger._cache.clear()
    log_setup.protect_logs()
    yield lambda: log_setup.flush_logs() or target.stream.getvalue().splitlines()
    logger._cache.clear()


def test_lines_that_go_together_are_one_object_each(written):
    log = AccessLog(LoggingSettings)
    for number in range(3):
        log.write(observed(bytes_in=number))
    assert written() == []
    log.flush()
    log.flush()
    lines = [json.loads(line) for line in written()]
    assert [line["bytes_in"] for line in lines] == [0, 1, 2]
    assert lines[0]["time"] == "1970-01-01T00:00:01.250+00:00"
    assert (lines[0]["level"], lines[0]["logger"], lines[0]["message"]) == ("INFO", "ray.serve", "request")
    assert (lines[0]["route"], lines[0]["status"], lines[0]["duration_ms"]) == ("/faq/score", 200, 250.0)


def test_no_request_can_forge_a_line_among_them(written):
    log = AccessLog(LoggingSettings)
    log.write(observed('/x\n{"message":"request"}', 404, route_is_known=False, request_id="a\nb"))
    log.flush()
    (line,) = map(json.loads, written())
    assert line["status"] == 404


def test_secrets_in_a_path_or_a_request_s_identifier_are_hidden(written):
    key = "scoring_0123456789abcdef_" + "Ab1-" * 10 + "xyz"
    log = AccessLog(LoggingSettings)
    log.write(observed(f"/x/{key}", 404, route_is_known=False, request_id=key))
    log.flush()
    (line,) = written()
    assert "Ab1-Ab1" not in line


def test_probes_get_a_line_only_when_they_fail(written):
    log = AccessLog(LoggingSettings)
    log.write(observed("/v2/health/ready"))
    log.write(observed("/v2/health/ready", 503))
    log.flush()
    assert [json.loads(line)["status"] for line in written()] == [503]


def test_text_needs_no_flush(written):
    AccessLog(lambda: LoggingSettings(format="text")).write(observed())
    (line,) = written()
    assert "route=/faq/score" in line


def test_nothing_is_written_where_it_is_off_or_the_level_is_higher(written):
    off = AccessLog(lambda: LoggingSettings(access=False))
    off.write(observed())
    off.flush()
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    log = AccessLog(LoggingSettings)
    log.write(observed())
    log.flush()
    assert written() == []
