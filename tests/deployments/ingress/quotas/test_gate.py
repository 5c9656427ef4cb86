import asyncio
import base64

import httpx
import pytest

from deployments.faq_matcher.protocols.interface import INTERFACE as FAQ
from deployments.image_classifier.protocols.interface import INTERFACE as IMAGE_CLASSES
from deployments.ingress import http_response
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.app import build_app
from deployments.ingress.door import Door
from deployments.ingress.quotas.quotas import Quotas
from deployments.ingress.quotas.settings import QuotaSettings
from deployments.ingress.routing.table import Model, ModelTable, Version
from deployments.ingress.settings import IngressSettings

QUESTION = {"input": "port", "top_k": 1}
IMAGE = base64.b64encode(b"IMG").decode()
TENSOR = {"inputs": [{"name": "question", "shape": [1], "datatype": "BYTES", "data": ["port"]}]}

# Every way to ask the FAQ.
WAYS = {
    "/faq/score": QUESTION,
    "/faq/versions/2/score": QUESTION,
    "/score": QUESTION,
    "/api/v1/service/faq/score": {"data": ["port"]},
    "/v2/models/faq/infer": TENSOR,
    "/v2/models/faq/versions/1/infer": TENSOR,
}


@pytest.fixture
def serve(faq, image, clock):
    """Build a service with quotas, and return a client of it."""
    table = ModelTable(
        [
            Model("faq", FAQ, {"1": Version("1", faq), "2": Version("2", faq)}),
            Model("image", IMAGE_CLASSES, {"1": Version("1", image)}),
        ]
    )

    def serve(**quotas):
        settings = IngressSettings(
            access=AccessSettings(required=False), quotas=QuotaSettings.model_validate(quotas), max_body_mb=1
        )
        application = build_app(table, Door(lambda: settings, Quotas(lambda: settings, clock=clock)))
        transport = httpx.ASGITransport(application, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://scoring")

    return serve


async def test_without_quotas_no_response_speaks_of_any(serve):
    async with serve() as client:
        response = await client.post("/faq/score", json=QUESTION)
    assert response.status_code == 200
    assert not {"ratelimit", "ratelimit-policy"} & response.headers.keys()


@pytest.mark.parametrize("path", WAYS)
async def test_every_protocol_counts_and_refuses_in_its_form(serve, path):
    async with serve(default={"requests_per_second": 0.01, "burst": 2}) as client:
        for left in (1, 0):
            response = await client.post(path, json=WAYS[path])
            assert response.status_code == 200
            assert response.headers["ratelimit"].startswith(f'"requests";r={left};t=')
        response = await client.post(path, json=WAYS[path])
    assert response.status_code == 429
    assert response.json()["code"] == "quota_exceeded"
    assert ("error" in response.json()) == path.startswith("/v2")
    assert response.headers["retry-after"] == "100"
    assert response.headers["ratelimit-policy"] == '"requests";q=2;w=200'
    assert response.headers["ratelimit"] == '"requests";r=0;t=200'


async def test_all_protocols_of_a_model_count_together_and_models_apart(serve):
    async with serve(default={"requests_per_second": 0.01, "burst": len(WAYS)}) as client:
        for path, body in WAYS.items():
            assert (await client.post(path, json=body)).status_code == 200
        for path, body in WAYS.items():
            assert (await client.post(path, json=body)).status_code == 429
        assert (await client.post("/image/score", json={"input": {"a": IMAGE}})).status_code == 200


async def test_health_and_descriptions_are_never_counted(serve):
    async with serve(default={"requests_per_second": 0.01, "burst": 1}) as client:
        await client.post("/faq/score", json=QUESTION)
        for path in ("/", "/v2/health/live", "/v2/health/ready", "/v2/models/faq/ready", "/version", "/swagger.json"):
            for _ in range(3):
                response = await client.get(path)
                assert response.status_code == 200
                assert "ratelimit" not in response.headers


async def test_a_model_that_is_not_there_is_not_counted(serve):
    async with serve(default={"requests_per_second": 0.01, "burst": 1}) as client:
        for n in range(3):
            response = await client.post(f"/v2/models/none-{n}/infer", json=TENSOR)
            assert response.status_code == 404
            assert "ratelimit" not in response.headers


async def test_a_request_that_fails_is_counted_and_frees_its_place(serve):
    async with serve(default={"requests_per_second": 0.01, "burst": 9, "concurrent_requests": 1}) as client:
        for left in (8, 7):
            response = await client.post("/faq/score", json={"input": " "})
            assert response.status_code == 422
            assert response.headers["ratelimit"].startswith(f'"requests";r={left};')


async def test_requests_in_flight_are_bounded(serve, faq):
    async with serve(default={"concurrent_requests": 2}) as client:
        faq.gate.clear()
        running = [asyncio.create_task(client.post("/faq/score", json=QUESTION)) for _ in range(2)]
        while len(faq.items) < 2:
            await asyncio.sleep(0)
        refused = await client.post("/api/v1/service/faq/score", json={"data": ["port"]})
        faq.gate.set()
        assert [(await each).status_code for each in running] == [200, 200]
        assert (await client.post("/faq/score", json=QUESTION)).status_code == 200
    assert refused.status_code == 429
    assert refused.headers["ratelimit"] == '"concurrent";r=0'
    assert refused.headers["retry-after"] == "1"


@pytest.mark.parametrize("path", ["/faq/score", "/score"])
async def test_bytes_count_by_what_was_read(serve, path):
    body = b'{"input": "port"}'
    async with serve(default={"bytes_per_day": 2 * len(body)}) as client:
        first = await client.post(path, content=body, headers={"content-type": "application/json"})
        assert first.headers["ratelimit"].startswith(f'"bytes";r={len(body)};t=')
        again = await client.post(path, content=chunks(body), headers={"content-type": "application/json"})
        assert again.status_code == 200
        over = await client.post(path, content=body, headers={"content-type": "application/json"})
    assert over.status_code == 429
    assert over.json()["code"] == "quota_exceeded"


async def chunks(body):
    for n in range(0, len(body), 5):
        yield body[n : n + 5]


async def test_a_body_without_a_length_is_read_up_to_the_limit(serve, monkeypatch):
    # What comes after the refusal is thrown away for a moment; here for none.
    monkeypatch.setattr(http_response, "LINGER_SECONDS", 0)
    sent = []

    async def endless():
        while True:
            sent.append(1000)
            yield b" " * 1000

    async with serve(default={"bytes_per_day": 5000}) as client:
        response = await client.post("/faq/score", content=endless(), headers={"content-type": "application/json"})
        assert response.status_code == 429
        assert "larger than the rest" in response.json()["detail"]
        assert sum(sent) <= 10_000
        assert (await client.post("/faq/score", json=QUESTION)).status_code == 429


async def test_a_body_larger_than_a_day_is_too_large(serve):
    async with serve(default={"bytes_per_day": 10}) as client:
        response = await client.post("/faq/score", content=b" " * 11)
    assert response.status_code == 413
    assert "10 bytes for a day" in response.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/faq/score", {"input": ["a", "b", "c"]}, "3 questions; the limit is 2"),
        ("/score", {"input": ["a", "b", "c"]}, "3 questions; the limit is 2"),
        ("/api/v1/service/faq/score", {"data": ["a", "b", "c"]}, "3 questions; the limit is 2"),
        (
            "/v2/models/faq/infer",
            {"inputs": [{"name": "question", "shape": [3], "datatype": "BYTES", "data": ["a", "b", "c"]}]},
            "questions",
        ),
        ("/image/score", {"input": {"a": IMAGE, "b": IMAGE}}, "2 images; the limit is 1"),
        ("/api/v1/service/image/score", {"data": [IMAGE, IMAGE]}, "2 images; the limit is 1"),
        (
            "/v2/models/image/infer",
            {"inputs": [{"name": "image", "shape": [2], "datatype": "BYTES", "data": [IMAGE, IMAGE]}]},
            "images",
        ),
    ],
)
async def test_a_clients_requests_may_be_made_smaller(serve, path, body, told):
    async with serve(
        exceptions=[{"client": "anonymous", "items_per_request": {"questions": 2, "images": 1}}]
    ) as client:
        response = await client.post(path, json=body)
    assert response.status_code == 422
    assert told in response.json()["detail"]


async def test_other_clients_are_left_alone(serve):
    async with serve(exceptions=[{"client": "somebody", "items_per_request": {"questions": 2}}]) as client:
        assert (await client.post("/faq/score", json={"input": ["a", "b", "c"]})).status_code == 200


async def test_the_document_tells_of_quotas(serve):
    async with serve() as client:
        document = (await client.get("/swagger.json")).json()
    for path in ("/faq/score", "/score", "/api/v1/service/image/score", "/v2/models/{model}/infer"):
        responses = document["paths"][path]["post"]["responses"]
        assert {"ratelimit", "ratelimit-policy"} <= responses["200"]["headers"].keys()
        assert {"ratelimit", "ratelimit-policy", "retry-after"} <= responses["429"]["headers"].keys()
