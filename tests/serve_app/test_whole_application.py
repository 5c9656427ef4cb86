"""The whole application, in Ray Serve's local testing mode."""

import asyncio
import base64
import io
import json
import logging
import time

import httpx
import pytest
from PIL import Image
from ray import serve

from deployments.contracts import EncodedImage, Question
from deployments.errors import InvalidImage, StartupError
from deployments.ingress.deployment import INGRESS
from serve_app.settings import parse_settings

QUESTIONS = (
    "Id\tAnswerId\tText0\n1\t101\tHow do I begin?\n2\t201\tWhere is the end?\n3\t301\tWhich colours are there?\n"
)
# The smallest of torchvision's networks, and nothing that tests would have to download.
SQUEEZENET = {"architecture": "squeezenet1_1", "weights": "DEFAULT", "download": False, "device": "cpu"}

pytestmark = pytest.mark.usefixtures("fast")


class LocalService:
    """The application in this process, asked over ASGI in the event loop of the ingress.

    Ray Serve's mode gives a handle of the ingress, whose way for HTTP requests does not work in Ray 2.60; so the
    ingress, which is an ASGI application, is called itself. Its handles of the stages are those of Ray.
    """

    def __init__(self, models, profile="local"):
        settings = parse_settings({"profile": profile}, {})
        application = INGRESS.bind(settings.ingress_settings(), settings.surroundings)
        router = serve.run(application, _local_testing_mode=True)._init_router()
        self.ingress = router._user_callable_wrapper._callable
        self._loop = router._user_callable_wrapper._user_code_event_loop
        self.models = models
        # Here, since Ray's mode does not wait for it.
        self.run(self.ingress.reconfigure({"models": models}))

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def stage(self, model, version="1"):
        return self.ingress._table.find(model).version(version).stage

    def ask_all(self, *requests):
        async def ask_all():
            transport = httpx.ASGITransport(self.ingress, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://scoring") as client:
                return await asyncio.gather(*(client.request(*request[:2], **request[2]) for request in requests))

        return self.run(ask_all())

    def get(self, path):
        return self.ask_all(("GET", path, {}))[0]

    def post(self, path, **body):
        return self.ask_all(("POST", path, body))[0]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    directory = tmp_path_factory.mktemp("service")
    (directory / "questions.tsv").write_text(QUESTIONS)
    faq = {"model": {"questions": str(directory / "questions.tsv"), "default_top_k": 2}}
    models = [
        {"kind": "faq_matcher", "versions": [{"name": "1", **faq}, {"name": "2", **faq}]},
        {"kind": "image_classifier", "versions": [{"model": {**SQUEEZENET, "explanations": {"max_waiting": 1}}}]},
    ]
    ray_serve = logging.getLogger("ray.serve")
    before = (ray_serve.level, ray_serve.propagate, ray_serve.handlers[:])
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SCORING_CACHE", str(directory / "cache"))
        service = LocalService(models)
    yield service
    # Ray sets up logging for the whole process.
    ray_serve.level, ray_serve.propagate, ray_serve.handlers[:] = before


def png(color=(200, 30, 30), size=(300, 200)):
    content = io.BytesIO()
    Image.new("RGB", size, color).save(content, "PNG")
    return content.getvalue()


def test_a_question_is_matched(service):
    response = service.post("/faq/score", json={"input": "where does it end"})
    assert response.status_code == 200, response.text
    matches = response.json()["result"][0]
    assert matches[0][:2] == [2, 201]
    assert len(matches) == 2
    assert response.headers["x-model-name"] == "faq"
    assert response.headers["x-model-version"] == "1"
    assert response.headers["x-model-weights"] == "trained"
    assert {"infer", "queue", "total"} <= {part.split(";")[0] for part in response.headers["server-timing"].split(", ")}


def test_an_image_is_classified_and_the_response_says_that_the_weights_mean_nothing(service):
    response = service.post("/image/score?top_k=5", content=png(), headers={"content-type": "image/png"})
    assert response.status_code == 200, response.text
    classes = response.json()["result"][0]["image"]
    assert len(classes) == 5
    assert all(label.startswith("n") for label, _ in classes)
    probabilities = [probability for _, probability in classes]
    assert probabilities == sorted(probabilities, reverse=True)
    assert response.json()["weights"] == response.headers["x-model-weights"] == "untrained"
    steps = {part.split(";")[0] for part in response.headers["server-timing"].split(", ")}
    assert {"decode", "queue", "infer", "total"} <= steps


def test_concurrent_requests_get_their_own_answers(service):
    texts = {"How do I begin?": 1, "Where is the end?": 2, "Which colours are there?": 3}
    requests = [("POST", "/faq/score", {"json": {"input": text, "top_k": 1}}) for text in texts] * 10
    answers = [response.json()["result"][0][0][0] for response in service.ask_all(*requests)]
    assert answers == list(texts.values()) * 10


def test_one_bad_image_does_not_fail_the_others(service):
    good = ("POST", "/image/score", {"content": png(), "headers": {"content-type": "image/png"}})
    bad = ("POST", "/image/score", {"content": png()[:100], "headers": {"content-type": "image/png"}})
    responses = service.ask_all(good, bad, good)
    assert [response.status_code for response in responses] == [200, 422, 200]
    assert responses[1].json()["code"] == "invalid_image"


def test_images_of_one_request_keep_their_names(service):
    images = {name: base64.b64encode(png(color)).decode() for name, color in {"a": (0, 0, 0), "b": (9, 200, 9)}.items()}
    result = service.post("/image/score", json={"input": images}).json()["result"][0]
    assert list(result) == ["a", "b"]
    assert result["a"] != result["b"]


def test_an_image_is_explained_beside_its_classes(service):
    ask = {"content": png(), "headers": {"content-type": "image/png"}}
    response = service.post("/image/score?top_k=2&explain=true&explain_class=7", **ask)
    assert response.status_code == 200, response.text
    content = response.json()
    assert content["result"][0]["image"] == service.post("/image/score?top_k=2", **ask).json()["result"][0]["image"]
    explanation = content["explanations"]["image"]
    assert explanation["class_index"] == 7
    assert explanation["method"] in {"occlusion", "grad-cam"}
    assert max(map(max, explanation["grid"])) in {0, 1}
    with Image.open(io.BytesIO(base64.b64decode(explanation["heat_map_png"]))) as heat_map:
        assert (heat_map.format, heat_map.size) == ("PNG", (224, 224))
    steps = {part.split(";")[0] for part in response.headers["server-timing"].split(", ")}
    assert steps == {"decode", "queue", "explain", "total"}


def test_each_protocol_explains_alike(service):
    encoded = base64.b64encode(png()).decode()
    body = {"input": {"a": encoded}, "explain": {"class": 7}}
    expected = service.post("/score", json=body).json()["explanations"]["a"]
    azure = service.post("/api/v1/service/image/score", json={"data": [encoded], "explain": {"class": 7}})
    assert azure.json()["explanations"] == [expected]
    named = {"image": ("BYTES", [1], [encoded]), "pixels": ("UINT8", [1, 224, 224, 3], [200, 30, 30] * 224 * 224)}
    for name, (datatype, shape, data) in named.items():
        tensor = {"name": name, "datatype": datatype, "shape": shape, "data": data}
        asked = {"parameters": {"explain_class": 7}, "outputs": [{"name": "explanations"}]}
        response = service.post("/v2/models/image/infer", json={"inputs": [tensor], **asked})
        assert response.status_code == 200, response.text
        assert json.loads(response.json()["outputs"][0]["data"][0]) == expected


def test_what_cannot_be_explained_is_refused_by_its_stage(service):
    good, bad = ({"content": content, "headers": {"content-type": "image/png"}} for content in (png(), png()[:100]))
    response = service.post("/image/score?explain=true&explain_class=1000", **good)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_input")
    assert response.json()["detail"] == "The model has no class 1000 to explain; its classes are 0 to 999."
    assert service.post("/image/score?explain=true", **bad).json()["code"] == "invalid_image"


def test_explanations_beyond_their_limit_are_refused_and_other_images_are_not(service):
    ask = {"content": png(), "headers": {"content-type": "image/png"}}
    explained = [("POST", "/image/score?explain=true", ask)] * 12
    scored = [("POST", "/image/score", ask)] * 12
    statuses = [response.status_code for response in service.ask_all(*explained, *scored)]
    # One is worked on and one may wait, while all are asked for.
    assert set(statuses[:12]) == {200, 503}
    assert statuses[12:] == [200] * 12


def test_every_model_is_described(service):
    faq = service.get("/v2/models/faq").json()
    assert (faq["platform"], faq["versions"], faq["weights"]) == ("numba", ["1", "2"], "trained")
    image = service.get("/v2/models/image").json()
    assert (image["platform"], image["weights"]) == ("openvino", "untrained")
    assert image["parameters"]["architecture"] == "squeezenet1_1"


def test_the_service_is_ready(service):
    assert service.get("/v2/health/ready").json() == {"ready": True}
    assert service.get("/").text == "Healthy"


def test_a_stage_answers_a_list_with_one_outcome_each(service):
    handle = service.stage("faq")._stage
    reply = service.run(handle.call("score", [Question("the end", 1), Question("begin", 1)], [0.0, 0.0]))
    assert [outcome.result.ids for outcome in reply.outcomes] == [[2], [1]]
    assert reply.replica


def test_a_stage_is_submitted_to_with_its_errors_as_results(service):
    stage = service.stage("image")
    good = service.run(stage.submit(EncodedImage(png(), top_k=2)))
    assert len(good.result.indices) == 2
    assert {"decode", "queue", "infer"} <= good.seconds.keys()
    assert isinstance(service.run(stage.submit(EncodedImage(b"no image"))).result, InvalidImage)
    assert service.run(stage.describe(5)).preset.crop == 224


def test_without_weights_production_does_not_start(service, monkeypatch, tmp_path):
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path))
    models = [{"kind": "image_classifier", "versions": [{"model": SQUEEZENET}]}]
    with pytest.raises(StartupError, match="weights_uri"):
        LocalService(models, "production")


def test_what_cannot_be_loaded_fails_alone_and_says_why(service):
    async def change(models):
        await service.ingress.reconfigure({"models": models})

    before = [dict(model) for model in service.models]
    lacking = {"name": "3", "model": {"questions": "/no/such.tsv"}}
    service.run(change([{**before[0], "versions": [*before[0]["versions"], lacking]}, before[1]]))
    until = time.monotonic() + 30
    while (state := service.get("/v2/models/faq/versions/3/ready")).json().get("code") != "not_started":
        assert time.monotonic() < until, state.text
    assert "faq/3 could not be started: /no/such.tsv cannot be read" in state.json()["detail"]
    assert "/no/such.tsv" in service.get("/v2/health/ready").json()["detail"]
    refused = service.post("/faq/versions/3/score", json={"input": "x"})
    assert (refused.status_code, refused.json()["detail"]) == (503, "faq/3 could not be started.")
    assert service.post("/faq/score", json={"input": "the end"}).status_code == 200
    service.run(change(before))
    assert service.get("/v2/models/faq/versions/3/ready").status_code == 404
    assert service.get("/v2/health/ready").status_code == 200


def test_a_table_that_is_not_valid_leaves_the_one_that_answers(service, caplog):
    service.run(service.ingress.reconfigure({"models": [{"kind": "faq_matcher", "name": "docs"}]}))
    assert "the name 'docs' is reserved" in caplog.text
    assert service.post("/faq/score", json={"input": "the end"}).status_code == 200


def test_the_default_changes_and_versions_that_stay_are_not_loaded_again(service):
    stage = service.stage("faq", "2")
    changed = [{**service.models[0], "default": "2"}, service.models[1]]
    service.run(service.ingress.reconfigure({"models": changed}))
    assert service.post("/faq/score", json={"input": "the end"}).headers["x-model-version"] == "2"
    assert service.stage("faq", "2") is stage
    service.run(service.ingress.reconfigure({"models": service.models}))
    assert service.post("/faq/score", json={"input": "the end"}).headers["x-model-version"] == "1"
