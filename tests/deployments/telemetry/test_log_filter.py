import io
import json
import logging
from logging.handlers import MemoryHandler

import pytest

from deployments.telemetry import log_setup
from deployments.telemetry.log_filter import ScrubbingFilter
from deployments.telemetry.log_format import JsonFormatter
from deployments.telemetry.observation import CURRENT, Observation
from deployments.telemetry.trace_context import continued

SECRET = "hunter2Horse"  # noqa: S105
KEY = "scoring_0123456789abcdef_" + "Ab1-" * 10 + "xyz"


class Unruly:
    """Shows a secret only when it is written."""

    def __str__(self):
        return f"password={SECRET}"

    __repr__ = __str__


class Log:
    def __init__(self, formatter):
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(formatter)
        self.handler.addFilter(ScrubbingFilter())
        self.logger = logging.Logger("test")  # noqa: LOG001 - no other test shares it
        self.logger.addHandler(self.handler)

    @property
    def text(self):
        return self.stream.getvalue()


@pytest.fixture(params=["json", "text"])
def log(request):
    return Log(JsonFormatter() if request.param == "json" else logging.Formatter("%(levelname)s %(message)s"))


@pytest.fixture
def json_log():
    return Log(JsonFormatter())


@pytest.mark.parametrize(
    "arguments",
    [
        (f"password={SECRET}",),
        ("%s=%s", "password", SECRET),
        ("%s%s=%s", "pass", "word", SECRET),
        ("password=%s%s", SECRET[:5], SECRET[5:]),
        ("%(password)s", {"password": f"token={SECRET}"}),
        ("headers %r", [(b"x-api-key", SECRET.encode())]),
        ("headers %s", {"Authorization": f"Bearer {SECRET}"}),
        ("got %s", Unruly()),
        ("got %r", [Unruly()]),
        (Unruly(),),
        ("%s%s", KEY[:30], KEY[30:]),
        ("password=%s and %d", SECRET),
        (f"password={SECRET} %d", "no number"),
        ("password=\r\n%s", SECRET),
    ],
)
def test_no_secret_gets_through_a_message(log, arguments):
    log.logger.warning(*arguments)
    assert log.text
    assert SECRET not in log.text
    assert SECRET[:5] not in log.text
    assert KEY[30:] not in log.text


@pytest.mark.parametrize(
    "extra",
    [
        {"password": SECRET},
        {"headers": {"x-api-key": SECRET}},
        {"body": f'{{"token": "{SECRET}"}}'},
        {"thing": Unruly()},
        {"list": [{"deep": [f"secret={SECRET}"]}]},
        {"_clean": True, "body": f"password={SECRET}"},
        {"raw": f"password={SECRET}".encode()},
    ],
)
def test_no_secret_gets_through_extra_fields(json_log, extra):
    json_log.logger.warning("look", extra=extra)
    assert json.loads(json_log.text)["message"] == "look"
    assert SECRET not in json_log.text


def test_no_secret_gets_through_an_exception_or_a_stack(log):
    try:
        try:
            raise ValueError(f"password={SECRET}")  # noqa: TRY301
        except ValueError:
            raise RuntimeError(f"Authorization: Basic {SECRET}") from None
    except RuntimeError:
        log.logger.exception("failed for %s", f"token={SECRET}")
    record = log.logger.makeRecord("test", 30, "", 0, "m", (), None, sinfo=f"stack token={SECRET}")
    log.logger.handle(record)
    assert "RuntimeError" in log.text
    assert SECRET not in log.text


def test_an_exception_s_text_that_another_handler_made_is_scrubbed(log):
    record = log.logger.makeRecord("test", 30, "", 0, "m", (), None)
    record.exc_text = f"ValueError: password={SECRET}"
    log.logger.handle(record)
    assert "ValueError" in log.text
    assert SECRET not in log.text


@pytest.mark.parametrize("forged", ["\n", "\r\n", "\x85", "\u2028", "\x0b", "\x1b[2K\r", "\x00"])
def test_no_line_can_be_forged(log, forged):
    log.logger.warning("got %s", f"x{forged}ERROR forged")
    assert len(log.text.splitlines()) == 1
    assert "ERROR forged" in log.text
    assert not log.text.startswith("ERROR")


def test_an_exception_s_message_cannot_forge_a_line():
    log = Log(logging.Formatter("%(levelname)s %(message)s"))
    try:
        raise ValueError("x\nERROR forged")  # noqa: TRY301
    except ValueError:
        log.logger.exception("failed")
    assert [line for line in log.text.splitlines() if not line.startswith(" ")] == ["ERROR failed"]


def test_a_json_line_is_json_whatever_is_logged(json_log):
    json_log.logger.warning('"}\ud800 %s', {"a": float("nan")}, extra={"odd": {1: {2, 3}}, "time": "mine"})
    line = json.loads(json_log.text)
    assert line["level"] == "WARNING"
    assert line["time"] != "mine"
    assert sorted(line["odd"]["1"]) == [2, 3]


def test_a_line_of_a_request_names_the_request_and_its_trace(json_log):
    observation = Observation("oip", "POST", "/v2", request_id="abc")
    observation.trace = continued("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    token = CURRENT.set(observation)
    try:
        json_log.logger.warning("in it")
    finally:
        CURRENT.reset(token)
    line = json.loads(json_log.text)
    assert (line["request_id"], line["trace_id"]) == ("abc", "4bf92f3577b34da6a3ce929d0e0e4736")


class TestSetup:
    @pytest.fixture
    def serve(self, monkeypatch):
        """Ray's logger as Ray sets it up: a file behind a handler that keeps lines back."""
        logger = logging.getLogger("ray.serve")
        monkeypatch.setattr(logger, "handlers", [])
        monkeypatch.setattr(logger, "filters", [])
        monkeypatch.setattr(logger, "propagate", False)
        return logger

    @staticmethod
    def file_behind_memory():
        target = logging.StreamHandler(io.StringIO())
        return MemoryHandler(100, target=target, flushLevel=logging.CRITICAL), target

    def test_every_handler_scrubs_also_one_that_comes_later(self, serve):
        log_setup.protect_logs()
        memory, target = self.file_behind_memory()
        serve.addHandler(memory)
        # Before the next call of protect_logs the logger's own filter is what protects.
        serve.warning("password=%s", SECRET)
        log_setup.protect_logs()
        serve.warning("again password=%s", SECRET)
        assert target.stream.getvalue() == ""
        log_setup.flush_logs()
        assert target.stream.getvalue().splitlines() == ["password=[hidden]", "again password=[hidden]"]
        assert any(isinstance(each, ScrubbingFilter) for each in target.filters)

    def test_a_child_s_record_that_passes_the_logger_s_filter_by_is_scrubbed_by_the_handler(self, serve):
        memory, target = self.file_behind_memory()
        serve.addHandler(memory)
        log_setup.protect_logs()
        serve.getChild("child").warning("password=%s", SECRET)
        log_setup.flush_logs()
        assert target.stream.getvalue() == "password=[hidden]\n"

    def test_other_loggers_and_the_last_resort_are_protected(self, monkeypatch):
        other = logging.getLogger("some.library")
        handler = logging.StreamHandler(io.StringIO())
        monkeypatch.setattr(other, "handlers", [handler])
        log_setup.protect_logs()
        other.warning("token=%s", SECRET)
        assert handler.stream.getvalue() == "token=[hidden]\n"
        assert any(isinstance(each, ScrubbingFilter) for each in logging.lastResort.filters)

    def test_it_may_be_called_each_second(self, serve):
        memory, _ = self.file_behind_memory()
        serve.addHandler(memory)
        for _ in range(3):
            log_setup.protect_logs()
        assert len(memory.filters) == 1
        assert len(serve.filters) == 2

    def test_ray_s_own_line_for_a_request_is_dropped_before_any_handler(self, serve):
        memory, target = self.file_behind_memory()
        serve.addHandler(memory)
        log_setup.protect_logs()
        serve.warning("POST /faq/score 200 3.1ms", extra={"serve_access_log": True})
        serve.warning("kept", extra={"serve_access_log": False})
        log_setup.flush_logs()
        assert target.stream.getvalue() == "kept\n"

    def test_ray_s_json_becomes_the_product_s(self, serve):
        class JSONFormatter(logging.Formatter):
            pass

        memory, target = self.file_behind_memory()
        target.setFormatter(JSONFormatter())
        serve.addHandler(memory)
        log_setup.protect_logs()
        assert isinstance(target.formatter, JsonFormatter)
