import asyncio
import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.contracts import EncodedImage, Question
from deployments.errors import ModelError, Overloaded
from deployments.ingress.settings import IngressSettings
from deployments.scaling import ScalingSettings


def b64(data):
    return base64.b64encode(data).decode()


def assert_problem(response, status, code, *words):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    for word in words:
        assert word in problem["detail"]


async def test_a_question_is_answered_as_the_reference_does(client, faq):
    response = await client.post("/faq/score", json={"input": "How do I start?"})
    assert response.status_code == 200
    (matches, computed) = response.json()["result"]
    assert matches == [[7, 70, 0.5], [8, 80, 0.3], [9, 90, 0.2]]
    assert computed.startswith("Computed in ")
    assert computed.endswith(" ms")
    assert set(response.json()) == {"result", "matched"}
    assert faq.items == [Question("How do I start?", None)]


async def test_top_k_goes_to_the_model(client, faq):
    response = await client.post("/faq/score", json={"input": "x", "top_k": 1})
    assert response.json()["result"][0] == [[7, 70, 0.5]]


async def test_headers_tell_who_answered_and_where_time_went(client):
    response = await client.post("/faq/score", json={"input": "x"})
    assert response.headers["x-model-name"] == "faq"
    assert response.headers["x-model-version"] == "1"
    assert response.headers["x-model-weights"] == "trained"
    assert len(response.headers.get_list("x-request-id")) == 1
    steps = [part.split(";")[0] for part in response.headers["server-timing"].split(", ")]
    assert steps == ["infer", "queue", "total"]


async def test_several_images_are_answered_by_name_and_say_that_weights_are_untrained(client, image):
    body = {"input": {"a.jpg": b64(b"IMG a"), "b.jpg": "data:image/png;base64," + b64(b"IMG b")}, "top_k": 2}
    response = await client.post("/image/score", json=body)
    assert response.status_code == 200
    assert response.json()["result"][0] == {
        "a.jpg": [["n1 a", 0.9], ["n2 b", 0.1]],
        "b.jpg": [["n1 a", 0.9], ["n2 b", 0.1]],
    }
    assert response.json()["weights"] == "untrained"
    assert response.headers["x-model-weights"] == "untrained"
    assert image.items == [EncodedImage(b"IMG a", 2), EncodedImage(b"IMG b", 2)]


@pytest.mark.parametrize("kind", ["image/jpeg", "image/png", "application/octet-stream", "IMAGE/WEBP; q=1"])
async def test_a_bare_image_is_answered(client, image, kind):
    response = await client.post("/image/score?top_k=5", content=b"IMG", headers={"content-type": kind})
    assert list(response.json()["result"][0]) == ["image"]
    assert image.items == [EncodedImage(b"IMG", 5)]


async def test_a_form_is_answered_by_file_name(client, image):
    files = [("image", ("x.jpg", b"IMG" + bytes(100_000), "image/jpeg")), ("image", ("y.jpg", b"IMG", "image/jpeg"))]
    response = await client.post("/image/score", files=files)
    assert list(response.json()["result"][0]) == ["x.jpg", "y.jpg"]
    assert len(image.items[0].content) == 100_003


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        (b"", 400, "bad_request", "empty"),
        (b"{", 400, "invalid_json", "not valid JSON"),
        (b"\xff\xfe", 400, "invalid_json", "not valid JSON"),
        (b"[" * 100_000, 400, "invalid_json", "not valid JSON"),
        (b"[]", 422, "invalid_input", "body"),
        (b"3", 422, "invalid_input", "body"),
        (b"{}", 422, "invalid_input", "'input' is missing"),
        (b'{"question": "x"}', 422, "invalid_input", "'input'"),
        (b'{"input": 3}', 422, "invalid_input", "'input'"),
        (b'{"input": null}', 422, "invalid_input", "'input'"),
        (b'{"input": "x", "topk": 3}', 422, "invalid_input", "known are top_k, threshold"),
        (b'{"input": "x", "top_k": 0}', 422, "invalid_input", "'top_k'"),
        (b'{"input": "x", "top_k": "3"}', 422, "invalid_input", "'top_k'"),
        (b'{"input": "\\ud800"}', 400, "invalid_json", "not valid JSON"),
        (b'{"input": "  "}', 422, "invalid_text", "empty"),
    ],
)
async def test_a_bad_question_is_refused_with_a_sentence(client, body, status, code, words):
    response = await client.post("/faq/score", content=body, headers={"content-type": "application/json"})
    assert_problem(response, status, code, words)
    assert (await client.post("/faq/score", json={"input": "x"})).status_code == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"input": {}}, "'input'"),
        ({"input": "text"}, "'input'"),
        ({"input": {"a": 3}}, "'input.a'"),
        ({"input": {"a": "!!!"}}, "'a' is not valid base64"),
        ({"input": {"a": "QUJ"}}, "'a' is not valid base64"),
        ({"input": {"a": ""}}, "'a' is empty"),
        ({"input": {"good": b64(b"IMG"), "bad": b64(b"no")}}, "'bad': This is not an image."),
        ({"input": {str(n): b64(b"IMG") for n in range(4)}}, "limit is 3"),
        ({"input": {"n" * 5000: "!!!"}}, "nnn..."),
    ],
)
async def test_bad_images_are_refused_with_a_sentence(client, body, words):
    response = await client.post("/image/score", json=body)
    assert response.status_code == 422
    assert words in response.json()["detail"]
    assert len(response.content) < 500


@pytest.mark.parametrize("top_k", ["0", "-1", "x", "1.5", "", "9" * 5000, "²"])
async def test_a_bad_top_k_in_the_query_is_refused(client, top_k):
    response = await client.post(
        "/image/score", params={"top_k": top_k}, content=b"IMG", headers={"content-type": "image/png"}
    )
    assert_problem(response, 422, "invalid_input", "top_k")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/faq/score", "text/plain"),
        ("/faq/score", "image/png"),
        ("/image/score", "text/html"),
        ("/faq/score", "a" * 3000),
    ],
)
async def test_a_wrong_content_type_is_refused(client, path, kind):
    response = await client.post(path, content=b"x", headers={"content-type": kind})
    assert_problem(response, 415, "unsupported_media_type", "Send")


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"not a form", "multipart/form-data", "cannot be read"),
        (b"not a form", "multipart/form-data; boundary=x", "cannot be read"),
        (b"--x--\r\n", "multipart/form-data; boundary=x", "no file in its field 'image'"),
        (
            b"--x\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--x--\r\n",
            "multipart/form-data; boundary=x",
            "cannot be",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\nabc\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            "must be a file",
        ),
    ],
)
async def test_a_bad_form_is_refused_with_a_sentence(client, content, kind, words):
    response = await client.post("/image/score", content=content, headers={"content-type": kind})
    assert response.status_code in {400, 422}
    assert words in response.json()["detail"]


async def test_two_files_of_one_name_are_refused(client):
    files = [("image", ("x", b"IMG", "image/jpeg")), ("image", ("x", b"IMG", "image/jpeg"))]
    assert_problem(await client.post("/image/score", files=files), 422, "invalid_input", "same name")


async def test_too_many_files_are_refused(client):
    files = [("image", (str(n), b"IMG", "image/jpeg")) for n in range(4)]
    assert (await client.post("/image/score", files=files)).status_code == 400


async def test_a_body_over_the_limit_is_refused_before_it_is_read(client, faq):
    async def endless():
        for _ in range(100):
            sent.append(1)
            yield bytes(100_000)

    sent = []
    response = await client.post("/faq/score", content=bytes(1024 * 1024 + 1))
    assert_problem(response, 413, "payload_too_large", "1048576 bytes")
    assert faq.items == []


async def test_a_body_without_a_length_is_refused_as_soon_as_it_is_too_long(application):
    asked = 0
    sent = []

    async def receive():
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": bytes(100_000), "more_body": True}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/faq/score", "headers": [], "query_string": b""}
    await application(scope, receive, send)
    assert sent[0]["status"] == 413
    assert asked == 11


async def test_limits_change_while_the_application_runs(client, limits):
    body = json.dumps({"input": "x" * 1024 * 1024})
    assert (await client.post("/faq/score", content=body)).status_code == 413
    limits["settings"] = IngressSettings(max_body_mb=2)
    assert (await client.post("/faq/score", content=body)).status_code == 200


async def test_more_requests_than_the_limit_are_refused_and_the_next_is_answered(client, faq, limits):
    limits["settings"] = IngressSettings(scaling=ScalingSettings(max_concurrent_requests=1, max_queued_requests=1))
    faq.gate.clear()
    running = [asyncio.create_task(client.post("/faq/score", json={"input": "x"})) for _ in range(2)]
    while len(faq.items) < 2:
        await asyncio.sleep(0)
    response = await client.post("/faq/score", json={"input": "x"})
    assert_problem(response, 503, "overloaded", "in flight")
    assert response.headers["retry-after"] == "1"
    faq.gate.set()
    assert [r.status_code for r in await asyncio.gather(*running)] == [200, 200]
    assert (await client.post("/faq/score", json={"input": "x"})).status_code == 200


async def test_a_request_past_its_deadline_gets_408(client, faq, limits):
    limits["settings"] = IngressSettings(request_timeout_seconds=0.05)
    faq.gate.clear()
    assert_problem(await client.post("/faq/score", json={"input": "x"}), 408, "request_timeout", "deadline")


@pytest.mark.parametrize(("error", "status"), [(Overloaded("full"), 503), (ModelError("failed"), 424)])
async def test_a_stage_that_cannot_answer_says_so(client, faq, error, status):
    faq.error = error
    assert_problem(await client.post("/faq/score", json={"input": "x"}), status, error.code, error.message)


async def test_an_unexpected_error_shows_nothing_of_itself(client, faq, caplog):
    faq.error = RuntimeError("password=hunter2 in /srv/secret.py")
    response = await client.post("/faq/score", json={"input": "x"})
    assert_problem(response, 500, "internal_error")
    assert "hunter2" not in response.text + caplog.text
    assert "RuntimeError in FaqStage.submit" in caplog.text


@given(body=st.binary(max_size=200) | st.text(max_size=100).map(lambda t: json.dumps({"input": t}).encode()))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_body_causes_a_server_error(client, body):
    for path in ("/faq/score", "/image/score"):
        response = await client.post(path, content=body, headers={"content-type": "application/json"})
        assert response.status_code < 500
        assert response.headers["x-request-id"]


@pytest.mark.parametrize(("kinds", "said"), [(["trained", "untrained"], "untrained"), (["trained"] * 2, "trained")])
async def test_each_response_says_what_answered_it_even_where_replicas_differ(client, image, kinds, said):
    submit, left = image.submit, list(kinds)

    async def by_another_replica(item, *, deadline=None):
        image.weights = left.pop()
        return await submit(item, deadline=deadline)

    image.submit = by_another_replica
    response = await client.post("/image/score", json={"input": {"a": b64(b"IMG"), "b": b64(b"IMG")}})
    assert response.headers["x-model-weights"] == said
    assert response.json().get("weights", "trained") == said
