"""What people send, to a running service."""

import base64
import io
import json
import re
import socket
import time

import psutil
import pytest
from payloads import JPEG, bomb, photo
from PIL import Image

# A question of the sample FAQ, and one that it has no answer to.
KNOWN = "How do I serve on a different port than 8000?"
UNKNOWN = "Which cheese goes with a lasagna for eleven guests?"


def assert_problem(response, status, *words):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "Traceback" not in response.text
    assert "/" not in problem["detail"].replace("application/json", "").replace("image/*", "").replace("GET /docs", "")
    for word in words:
        assert word in problem["detail"]


def test_it_says_what_it_serves_and_how_to_ask(service):
    assert re.search(rf"Ready: {service.url}\n", service.output)
    assert re.search(r"faq +1 +numba +trained +1", service.output)
    assert re.search(r"image +1 +openvino +untrained +1", service.output)
    assert f"curl {service.url}/faq/score" in service.output
    assert f"curl {service.url}/image/score" in service.output
    assert "fast mode: HAProxy, throughput-optimized" in service.output


def test_the_sample_faq_knows_its_own_questions(client):
    response = client.post("/faq/score", json={"input": KNOWN})
    (matches, computed) = response.json()["result"]
    assert matches[0][:2] == [3, 301]
    assert len(matches) >= 60
    assert [p for _, _, p in matches] == sorted((p for _, _, p in matches), reverse=True)
    # What is missing from 1 is the probability that the FAQ has no match.
    assert 0.5 < sum(p for _, _, p in matches) <= 1
    assert computed.startswith("Computed in")


def ask(client, **body):
    response = client.post("/faq/score", json=body)
    assert response.status_code == 200, response.text
    content = response.json()
    return content["result"][0], content


def test_a_list_of_questions_is_answered_as_each_of_them_alone(client):
    together, beside = ask(client, input=[KNOWN, UNKNOWN], top_k=3)
    for place, text in enumerate([KNOWN, UNKNOWN]):
        alone, alone_beside = ask(client, input=text, top_k=3)
        assert [row[:2] for row in together[place]] == [row[:2] for row in alone]
        assert [row[2] for row in together[place]] == pytest.approx([row[2] for row in alone], abs=1e-5)
        assert beside["matched"][place] == alone_beside["matched"]


def test_a_thousand_questions_are_answered_while_others_are(client):
    lists, _ = ask(client, input=[KNOWN, UNKNOWN] * 500, top_k=1)
    assert len(lists) == 1000
    assert {tuple(rows[0][:2]) for rows in lists[::2]} == {(3, 301)}
    assert ask(client, input=KNOWN, top_k=1)[0][0][:2] == [3, 301]


def test_a_threshold_leaves_out_what_is_no_match(client):
    rows, beside = ask(client, input=KNOWN, threshold="trained")
    assert rows[0][:2] == [3, 301]
    assert beside["matched"] is True
    rows, beside = ask(client, input=UNKNOWN, threshold="trained")
    assert (rows, beside["matched"]) == ([], False)
    rows, beside = ask(client, input=UNKNOWN, threshold=0.999)
    assert (rows, beside["matched"]) == ([], False)
    rows, _ = ask(client, input=KNOWN, threshold=0.01)
    assert all(probability >= 0.01 for _, _, probability in rows)


def test_answers_and_explanations_stand_beside_their_matches(client):
    rows, beside = ask(client, input=KNOWN, top_k=3, answers=True, explain=True)
    assert len(rows) == len(beside["answers"]) == len(beside["explanations"]) == 3
    assert "port" in beside["answers"][0]
    for explanation in beside["explanations"]:
        weights = [weight for _, weight in explanation["terms"]]
        assert [abs(weight) for weight in weights] == sorted(map(abs, weights), reverse=True)
        assert sum(weights) + explanation["other"] == pytest.approx(explanation["score"], abs=1e-3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_kind_of_image_is_classified(client, kind):
    response = client.post("/image/score", content=photo(kind=kind), headers={"content-type": f"image/{kind.lower()}"})
    assert response.status_code == 200, response.text
    classes = response.json()["result"][0]["image"]
    assert len(classes) == 3
    assert re.fullmatch(r"n\d{8} .+", classes[0][0])
    assert response.json()["weights"] == "untrained"
    assert response.headers["x-model-weights"] == "untrained"


def test_several_images_in_json_a_form_and_a_bare_body_get_the_same_answer(client):
    image = photo()
    encoded = base64.b64encode(image).decode()
    by_json = client.post("/image/score", json={"input": {"a": encoded, "b": encoded}}).json()["result"][0]
    by_form = client.post("/image/score", files={"image": ("a", image)}).json()["result"][0]
    bare = client.post("/image/score", content=image, headers={"content-type": "image/jpeg"}).json()["result"][0]
    labels = [[label for label, _ in classes] for classes in (*by_json.values(), by_form["a"], bare["image"])]
    assert labels[0] == labels[1] == labels[2] == labels[3]


def test_explanations_stand_beside_the_classes_of_their_images(client):
    image = photo()
    encoded = base64.b64encode(image).decode()
    by_json = client.post("/image/score", json={"input": {"a": encoded, "b": encoded}, "explain": {"class": 7}}).json()
    by_form = client.post("/image/score?explain=true", files={"image": ("a", image)}).json()
    plain = client.post("/image/score", files={"image": ("a", image)}).json()
    assert list(by_json["explanations"]) == ["a", "b"]
    assert by_json["explanations"]["a"]["class_index"] == 7
    labels = [[label for label, _ in content["result"][0]["a"]] for content in (by_json, by_form, plain)]
    assert labels[0] == labels[1] == labels[2]
    explanation = by_form["explanations"]["a"]
    assert explanation["label"] == labels[0][0]
    assert {len(row) for row in explanation["grid"]} == {len(explanation["grid"])}
    with Image.open(io.BytesIO(base64.b64decode(explanation["heat_map_png"]))) as heat_map:
        assert (heat_map.format, heat_map.size) == ("PNG", (224, 224))
    assert "explanations" not in plain


def test_explanations_that_nobody_waits_for_any_more_make_room(service, client):
    image = photo()
    head = "POST /image/score?explain=true HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(f"{head}Content-Length: {len(image)}\r\n\r\n".encode() + image)
    assert client.post("/image/score", content=image, headers=JPEG).status_code == 200
    until = time.monotonic() + 60
    while (response := client.post("/image/score?explain=true", content=image, headers=JPEG)).status_code == 503:
        assert time.monotonic() < until, response.text
    assert response.status_code == 200


def test_headers_tell_who_answered_and_where_time_went(client):
    response = client.post(
        "/image/score", content=photo(), headers={"content-type": "image/jpeg", "x-request-id": "t-1"}
    )
    assert response.headers.get_list("x-request-id") == ["t-1"]
    assert (response.headers["x-model-name"], response.headers["x-model-version"]) == ("image", "1")
    timing = dict(re.findall(r"(\w+);dur=([\d.]+)", response.headers["server-timing"]))
    assert set(timing) == {"decode", "queue", "infer", "total"}
    assert float(timing["infer"]) > 0


def test_the_service_describes_itself(client):
    assert client.get("/").text == "Healthy"
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert "ray " in client.get("/version").text
    assert client.get("/v2/models/faq").json()["parameters"]["originals"] >= 60
    model = client.get("/v2/models/image").json()
    assert model["weights"] == "untrained"
    shapes = {tensor["name"]: tensor["shape"] for tensor in model["inputs"]}
    assert shapes == {"image": [-1], "pixels": [-1, 224, 224, 3]}
    assert set(client.get("/swagger.json").json()["paths"]) >= {"/faq/score", "/image/score", "/v2/models/{model}"}
    assert "SwaggerUIBundle" in client.get("/docs").text


JSON = {"content-type": "application/json"}
BAD = {
    "empty body": ("/faq/score", b"", JSON, 400, "empty"),
    "wrong content type": ("/faq/score", b"x", {"content-type": "text/plain"}, 415, "application/json"),
    "invalid JSON": ("/faq/score", b'{"input": ', JSON, 400, "not valid JSON"),
    "wrong field": ("/faq/score", b'{"question": "x"}', JSON, 422, "input"),
    "wrong type": ("/faq/score", b'{"input": 5}', JSON, 422, "input"),
    "blank text": ("/faq/score", b'{"input": " "}', JSON, 422, "question is empty"),
    "text of 1 MB": ("/faq/score", json.dumps({"input": "why " * 250_000}).encode(), JSON, 422, "characters"),
    "blank text in a list": ("/faq/score", b'{"input": ["x", " "]}', JSON, 422, "input[1]: The question is empty."),
    "too many questions": ("/faq/score", json.dumps({"input": ["x"] * 1001}).encode(), JSON, 422, "limit is 1000"),
    "wrong threshold": ("/faq/score", b'{"input": "x", "threshold": 2}', JSON, 422, "threshold"),
    "invalid base64": ("/image/score", b'{"input": {"a": "%%%"}}', JSON, 422, "base64"),
    "class out of range": ("/image/score?explain=true&explain_class=1000", photo(), JPEG, 422, "0 to 999"),
    "truncated image to explain": ("/image/score?explain=true", photo()[:5000], JPEG, 422, "image"),
    "not an image": ("/image/score", b"hello", JPEG, 422, "image"),
    "truncated image": ("/image/score", photo()[:5000], JPEG, 422, "image"),
    "bomb": ("/image/score", bomb(), {"content-type": "image/png"}, 422, "pixels"),
    "body over the limit": ("/image/score", bytes(8 * 1024 * 1024 + 1), JPEG, 413, "limit"),
    "unknown route": ("/nothing/score", b"{}", JSON, 404, "nothing at this path"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_a_sentence_and_the_same_replica_answers_next(service, client, name):
    path, body, headers, status, word = BAD[name]
    before = [p.pid for p in service.replicas("")]
    assert_problem(client.post(path, content=body, headers=headers), status, word)
    assert client.post("/faq/score", json={"input": "port"}).status_code == 200
    assert client.post("/image/score", content=photo(), headers=JPEG).status_code == 200
    assert set(before) <= {p.pid for p in service.replicas("")}


@pytest.mark.parametrize(("method", "path"), [("GET", "/faq/score"), ("DELETE", "/image/score"), ("POST", "/version")])
def test_an_unknown_method_is_refused(client, method, path):
    assert_problem(client.request(method, path), 405, "takes")


def test_an_image_of_one_pixel_is_an_image(client):
    for kind in ("JPEG", "PNG"):
        response = client.post("/image/score", content=photo((1, 1), kind), headers={"content-type": "image/png"})
        assert response.status_code == 200, response.text


def test_a_hostile_request_id_neither_fails_nor_comes_back(client):
    for sent in (b"\xff\xfe", b'x" 200 "', b"y" * 3000):
        response = client.get("/v2/health/live", headers=[(b"x-request-id", sent)])
        assert response.status_code == 200
        (returned,) = response.headers.get_list("x-request-id")
        assert len(returned) == 36


def test_memory_does_not_grow_under_bad_input(service, client):
    def send_all(times):
        for _ in range(times):
            for path, body, headers, status, _ in BAD.values():
                assert client.post(path, content=body, headers=headers).status_code == status

    def resident():
        return {p.pid: p.memory_info().rss for p in service.replicas("")}

    send_all(8)
    before = resident()
    send_all(25)
    after = resident()
    for pid, size in before.items():
        assert after[pid] - size < 24 * 1024 * 1024, psutil.Process(pid).cmdline()


def test_clients_that_hang_up_do_no_harm_to_others(service, client):
    image = photo((3000, 2000))
    head = f"POST /image/score HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: {len(image)}\r\n\r\n"
    before = [p.pid for p in service.replicas("")]
    for _ in range(40):
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(head.encode() + image)
    assert client.post("/image/score", content=photo(), headers=JPEG).status_code == 200
    assert client.post("/faq/score", json={"input": "port"}).status_code == 200
    assert set(before) <= {p.pid for p in service.replicas("")}


def test_a_body_that_ends_early_is_no_error_of_the_service(service, client):
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(b"POST /faq/score HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")
    assert client.post("/faq/score", json={"input": "port"}).status_code == 200
    assert client.get("/v2/health/ready").status_code == 200
