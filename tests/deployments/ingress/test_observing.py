import asyncio
import json
import logging
import re

import httpx
import pytest

from deployments.faq_matcher.protocols.interface import INTERFACE as FAQ
from deployments.image_classifier.protocols.interface import INTERFACE as IMAGE_CLASSES
from deployments.ingress.access.keys import new_key
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.app import build_app
from deployments.ingress.door import Door
from deployments.ingress.routing.table import Model, ModelTable, Version
from deployments.ingress.settings import IngressSettings
from deployments.telemetry.instruments import IN_FLIGHT, REFUSALS, REGISTRY, REQUEST_SECONDS, REQUESTS, STEP_SECONDS
from deployments.telemetry.log_filter import ScrubbingFilter
from deployments.telemetry.log_format import JsonFormatter
from deployments.telemetry.observer import Observer
from deployments.telemetry.settings import LoggingSettings, TracingSettings

OPEN = AccessSettings(required=False)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECRET = "hunter2Horse"  # noqa: S105
KEY = "scoring_0123456789abcdef_" + "Ab1-" * 10 + "xyz"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Lines(logging.Handler):
    """Keeps the lines of the log as they would be written."""

    def __init__(self):
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.addFilter(ScrubbingFilter())
        self.texts = []

    def emit(self, record):
        self.texts.append(self.format(record))

    @property
    def all(self):
        return [json.loads(text) for text in self.texts]


@pytest.fixture
def lines(monkeypatch):
    lines = Lines()
    logger = logging.getLogger("ray.serve")
    monkeypatch.setattr(logger, "handlers", [lines])
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "level", logging.INFO)
    logger.manager._clear_cache()
    return lines


@pytest.fixture
def observer(monkeypatch):
    monkeypatch.setattr(REGISTRY._switch, "on", True)
    for instrument in (REQUESTS, REFUSALS, REQUEST_SECONDS, STEP_SECONDS):
        instrument.take()
    return Observer()


@pytest.fixture
def table(faq, image, explainer):
    return ModelTable(
        [
            Model("faq", FAQ, {"1": Version("1", faq), "2": Version("2", faq)}),
            Model("image", IMAGE_CLASSES, {"1": Version("1", image, explainer)}),
        ]
    )


@pytest.fixture
async def client(limits, table, observer, lines):
    door = Door(lambda: limits["settings"].model_copy(update={"access": limits.get("access", OPEN)}))
    transport = httpx.ASGITransport(build_app(table, door, observer), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://scoring") as client:
        yield client


@pytest.fixture
def line_of(observer, lines):
    """Return the line of the one request that there was."""

    def work_off():
        observer.work()
        (line,) = lines.all
        lines.texts.clear()
        return line

    return work_off


ASK = {"input": "port"}
OIP = {"inputs": [{"name": "question", "datatype": "BYTES", "shape": [1], "data": ["port"]}]}


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/faq/score", ASK, ("reference", "faq", "1", 200, "")),
        ("/faq/versions/2/score", ASK, ("reference", "faq", "2", 200, "")),
        ("/score", ASK, ("reference", "faq", "1", 200, "")),
        ("/score", {"input": 3}, ("reference", "", "", 422, "invalid_input")),
        ("/api/v1/service/faq/score", ASK, ("azureml", "faq", "1", 200, "")),
        ("/v2/models/faq/infer", OIP, ("oip", "faq", "1", 200, "")),
        ("/v2/models/faq/versions/2/infer", OIP, ("oip", "faq", "2", 200, "")),
        ("/v2/models/none/infer", OIP, ("oip", "", "", 404, "not_found")),
        ("/faq/score", {"input": " "}, ("reference", "faq", "1", 422, "invalid_text")),
        ("/image/score", {"input": {"a": "!"}}, ("reference", "image", "1", 422, "invalid_input")),
        ("/nowhere", ASK, ("service", "", "", 404, "not_found")),
        ("/version", ASK, ("service", "", "", 405, "method_not_allowed")),
    ],
)
async def test_each_request_is_counted_and_logged_once(client, line_of, path, body, told):
    protocol, model, version, status, reason = told
    response = await client.post(path, json=body)
    assert response.status_code == status
    line = line_of()
    assert tuple(line.get(name, "") for name in ("protocol", "model", "version", "status", "reason")) == told
    assert line["route"] == path
    assert line["request_id"] == response.headers["x-request-id"]
    assert line["bytes_in"] == len(json.dumps(body, separators=(",", ":")))
    assert line["bytes_out"] == len(response.content)
    assert line["duration_ms"] > 0
    assert REQUESTS.take() == {(model, version, protocol, str(status)): 1}
    assert REFUSALS.take() == ({(model, version, protocol, reason): 1} if reason else {})
    assert [labels for labels, _ in REQUEST_SECONDS.take()] == [(model, version, protocol)]


@pytest.mark.parametrize("path", ["/v2/models/faq", "/v2/models/faq/versions/2/ready", "/api/v1/service/faq/"])
async def test_what_only_describes_a_model_does_not_count_as_its_requests(client, observer, path):
    assert (await client.get(path)).status_code == 200
    observer.work()
    ((model, version, _, status),) = REQUESTS.take()
    assert (model, version, status) == ("", "", "200")


async def test_the_steps_of_a_request_are_in_its_line_and_in_the_histograms(client, line_of):
    await client.post("/faq/score", json=ASK)
    line = line_of()
    assert (line["infer_ms"], line["queue_ms"]) == (1.0, 2.0)
    assert sorted(STEP_SECONDS.take()) == [(("faq", "1", "infer"), 0.001), (("faq", "1", "queue"), 0.002)]


async def test_whoever_the_guard_let_in_is_in_the_line(client, line_of):
    await client.post("/faq/score", json=ASK)
    assert line_of()["client_id"] == "anonymous"


async def test_an_unexpected_failure_is_a_line_with_its_request_and_no_secret(client, faq, lines, observer):
    faq.error = RuntimeError(f"password={SECRET}")
    await client.post("/faq/score", json=ASK, headers={"x-request-id": "abc"})
    observer.work()
    failure, request = lines.all
    assert failure["request_id"] == request["request_id"] == "abc"
    assert (request["status"], request["reason"]) == (500, "internal_error")
    assert SECRET not in "".join(lines.texts)


async def test_requests_in_flight_are_counted(client, faq, observer):
    faq.gate.clear()
    asked = asyncio.create_task(client.post("/faq/score", json=ASK))
    while not faq.items:
        await asyncio.sleep(0)
    assert observer.in_flight == 1
    assert IN_FLIGHT.read()[()] >= 1
    faq.gate.set()
    await asked
    assert observer.in_flight == 0


async def test_a_request_that_its_server_gives_up_is_told_as_one_whose_client_is_gone(client, faq, line_of, observer):
    faq.gate.clear()
    asked = asyncio.create_task(client.post("/faq/score", json=ASK))
    while not faq.items:
        await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    line = line_of()
    assert (line["status"], line["reason"]) == (499, "client_gone")
    assert observer.in_flight == 0


class TestTraces:
    async def test_a_trace_goes_in_and_out_without_any_exporter(self, client, line_of):
        response = await client.post("/faq/score", json=ASK, headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
        line = line_of()
        assert line["trace_id"] == TRACE
        assert response.headers["traceresponse"] == f"00-{TRACE}-{line['span_id']}-01"
        assert line["span_id"] != SPAN

    @pytest.mark.parametrize("headers", [{}, {"traceparent": "00-0-0-0"}, {"traceparent": f"x\t{SECRET}"}])
    async def test_without_a_trace_nothing_is_made_up(self, client, line_of, headers):
        response = await client.post("/faq/score", json=ASK, headers=headers)
        assert "traceresponse" not in response.headers
        assert "trace_id" not in line_of()

    async def test_each_request_is_sampled_as_its_caller_says_or_by_the_ratio(self, client, observer, monkeypatch):
        given = []
        observer.configure(LoggingSettings(), TracingSettings(endpoint="http://127.0.0.1:9/v1/traces", sample_ratio=0))
        monkeypatch.setattr(observer._spans, "add", given.append)
        response = await client.post("/faq/score", json=ASK)
        assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", response.headers["traceresponse"])
        await client.post("/faq/score", json=ASK, headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
        observer.work()
        observer.stop()
        assert [observation.trace.sampled for observation in given] == [False, True]


class TestSecrets:
    @pytest.mark.parametrize(
        "request_of",
        [
            {"headers": {"authorization": f"Bearer {SECRET}"}},
            {"headers": {"x-api-key": KEY}},
            {"headers": {"x-request-id": KEY}},
            {"headers": {"x-request-id": f"password={SECRET}"}},
            {"headers": {"cookie": f"session={SECRET}"}},
            {"headers": {"tracestate": f"key={SECRET}", "traceparent": f"00-{TRACE}-{SPAN}-01"}},
            {"headers": {"x-ms-client-request-id": KEY}},
            {"params": {"key": SECRET}},
            {"params": {"code": SECRET}},
            {"json": {"input": "x", "password": SECRET}},
            {"json": {"input": f"password={SECRET}"}},
            {"content": f'{{"input": "{SECRET}', "headers": {"content-type": "application/json"}},
        ],
    )
    @pytest.mark.parametrize("path", ["/faq/score", "/api/v1/service/faq/score", f"/x/{KEY}", f"/password={SECRET}/x"])
    async def test_nothing_secret_of_a_request_is_logged(self, client, observer, lines, path, request_of):
        await client.post(path, **request_of)
        observer.work()
        logged = "".join(lines.texts)
        assert len(lines.all) == 1
        assert SECRET not in logged
        assert KEY[26:] not in logged

    @pytest.mark.parametrize("method", ["GET", "POST", f"{SECRET.upper()}"])
    async def test_no_method_that_a_client_makes_up_is_logged(self, client, line_of, method):
        await client.request(method, "/nowhere")
        assert line_of()["method"] in {"GET", "POST", "OTHER"}

    async def test_nobody_forges_a_line_by_a_path(self, client, observer, lines):
        await client.post('/x%0A{"level":"ERROR"}%0d%e2%80%a8%1b[2K')
        observer.work()
        assert len(lines.texts) == 1
        assert len(lines.texts[0].splitlines()) == 1

    async def test_a_key_by_which_a_client_came_in_is_nowhere(self, client, observer, lines, limits):
        limits["settings"] = IngressSettings()
        limits["access"] = limits["settings"].access
        key = new_key().text
        await client.post("/faq/score", json=ASK, headers={"x-api-key": key})
        observer.work()
        assert lines.all[0]["status"] in {401, 503}
        assert key.split("_", 2)[2] not in "".join(lines.texts)


class TestSettings:
    def configure(self, observer, **logging):
        observer.configure(LoggingSettings(**logging), TracingSettings())

    async def test_payloads_are_logged_where_wanted_scrubbed_and_cut(self, client, observer, line_of):
        self.configure(observer, payloads=True, max_payload_bytes=60)
        await client.post("/faq/score", json={"password": SECRET, "input": "port " * 100})
        line = line_of()
        assert line["request_body"].startswith('{"password":"[hidden]","input":"port port')
        assert len(line["request_body"]) <= 60
        assert "x-request-id" not in line["response_body"]
        assert SECRET not in json.dumps(line)

    async def test_payloads_that_are_no_text_are_named_so(self, client, observer, line_of):
        self.configure(observer, payloads=True)
        await client.post("/image/score", content=b"IMG\xff\xfe" * 9, headers={"content-type": "image/jpeg"})
        assert line_of()["request_body"] == "[binary]"

    async def test_payloads_are_not_logged_by_default(self, client, line_of):
        await client.post("/faq/score", json={"input": "a distinctive question"})
        line = line_of()
        assert {"request_body", "response_body"} & line.keys() == set()
        assert "distinctive" not in json.dumps(line)

    async def test_lines_of_requests_can_be_switched_off(self, client, observer, lines):
        self.configure(observer, access=False)
        await client.post("/faq/score", json=ASK)
        observer.work()
        assert lines.all == []
        assert sum(REQUESTS.take().values()) == 1

    async def test_lines_as_text_are_one_line_of_names_and_values(self, client, observer, lines):
        self.configure(observer, format="text")
        lines.setFormatter(logging.Formatter("%(message)s"))
        await client.post('/x%0A y"=', json=ASK)
        observer.work()
        (text,) = lines.texts
        assert re.match(
            rf'request request_id={UUID} protocol=service method=POST route="/x\\\\n y\\"=" status=404', text
        )

    async def test_probes_are_logged_only_where_they_fail(self, client, observer, lines, faq):
        for path in ("/", "/v2/health/live", "/v2/health/ready"):
            await client.get(path)
        observer.work()
        assert lines.all == []
        faq.ready = False
        await client.get("/v2/health/ready")
        observer.work()
        assert [line["status"] for line in lines.all] == [503]

    async def test_a_body_without_a_length_is_counted_as_it_comes(self, client, line_of):
        async def parts():
            yield b'{"input":'
            yield b'"port"}'

        await client.post("/faq/score", content=parts(), headers={"content-type": "application/json"})
        assert line_of()["bytes_in"] == 16
