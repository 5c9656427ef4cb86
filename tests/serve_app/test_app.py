import asyncio
import base64
import io
import json
import logging

import httpx
import pytest
from PIL import Image
from ray import serve
from ray.serve import Application

from deployments.autoscaling import REFUSED_AT_ONCE
from deployments.contracts import EncodedImage, ImagePreset, Question
from deployments.errors import InvalidImage, StartupError
from deployments.image_classifier.conversion.model_files import FILES, About, seal
from deployments.ingress.settings import DEFAULT_QUEUE
from deployments.replica import replica_id, reserved_cpus
from deployments.scaling import CALLS_PER_REPLICA
from serve_app import kinds
from serve_app.app import build
from serve_app.fast_mode import FAST_MODE

QUESTIONS = (
    "Id\tAnswerId\tText0\n1\t101\tHow do I begin?\n2\t201\tWhere is the end?\n3\t301\tWhich colours are there?\n"
)
# The smallest of torchvision's networks, and nothing that tests would have to download.
SQUEEZENET = {"architecture": "squeezenet1_1", "weights": "DEFAULT", "download": False, "device": "cpu"}


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """The warning about the slower mode has tests of its own."""
    for name, value in FAST_MODE.items():
        monkeypatch.setenv(name, value)


# What the builder makes of settings


def deployments(args):
    """Build, and return every deployment by name."""
    found = {}

    def visit(value):
        if isinstance(value, Application):
            deployment = value._bound_deployment
            found[deployment.name] = deployment
            visit([*deployment.init_args, *deployment.init_kwargs.values()])
        elif isinstance(value, list):
            for item in value:
                visit(getattr(item, "first_stage", item))

    visit(build(args))
    return found


def image_model(**version):
    return {"models": [{"kind": "image_classifier", "versions": [version]}]}


def test_without_settings_both_models_are_bound():
    built = deployments({})
    assert list(built) == ["ingress", "faq-1", "image-1-preprocess", "image-1"]
    versions = built["ingress"].init_args[0]
    assert [(bound.model, bound.version, bound.takes) for bound in versions] == [
        ("faq", "1", "text"),
        ("image", "1", "images"),
    ]


def test_each_version_of_each_model_has_deployments_of_its_own():
    args = {
        "models": [
            {"kind": "faq_matcher", "name": "help", "versions": [{"name": "old"}, {"name": "new"}]},
            {"kind": "image_classifier", "name": "cats", "versions": [{"name": "1"}, {"name": "2.0"}]},
            {"kind": "faq_matcher", "name": "shop"},
        ]
    }
    built = deployments(args)
    assert list(built) == [
        "ingress",
        "help-old",
        "help-new",
        "cats-1-preprocess",
        "cats-1",
        "cats-2.0-preprocess",
        "cats-2.0",
        "shop-1",
    ]
    bound = [(each.model, each.version) for each in built["ingress"].init_args[0]]
    assert bound == [("help", "old"), ("help", "new"), ("cats", "1"), ("cats", "2.0"), ("shop", "1")]


def test_a_version_takes_its_own_settings_to_its_replicas():
    args = {
        "models": [
            {
                "kind": "faq_matcher",
                "versions": [{"name": "1", "model": {"model_dir": "/a"}}, {"name": "2", "model": {"model_dir": "/b"}}],
            }
        ]
    }
    built = deployments(args)
    assert [built[name].init_args[0].model_dir for name in ("faq-1", "faq-2")] == ["/a", "/b"]


@pytest.mark.parametrize(("profile", "allowed"), [("local", True), ("production", False)])
def test_untrained_weights_are_allowed_on_a_laptop_only(profile, allowed):
    assert deployments({"profile": profile})["image-1"].init_kwargs == {"allow_untrained": allowed}


@pytest.mark.parametrize(("profile", "required"), [("local", False), ("production", True)])
def test_keys_are_not_required_on_a_laptop_only(profile, required):
    assert deployments({"profile": profile})["ingress"].user_config["access"]["required"] is required


@pytest.mark.parametrize(
    ("model", "in_reach", "reserved"),
    [
        ({}, True, 1),
        ({}, False, 0),
        ({"device": "cpu"}, True, 0),
        ({"gpus": 0.25}, False, 0.25),
        ({"gpus": 0}, True, 0),
        ({"gpus": 2, "device": "cpu"}, True, 2),
        ({"engine": "openvino"}, True, 0),
        ({"engine": "openvino", "gpus": 1}, True, 1),
        ({"engine": "onnxruntime"}, True, 1),
        ({"model_dir": "/not/on/this/node"}, True, 1),
    ],
)
def test_a_gpu_is_reserved_where_there_is_one_or_the_settings_say_so(monkeypatch, model, in_reach, reserved):
    monkeypatch.setattr(kinds, "gpus_in_reach", lambda: in_reach)
    built = deployments(image_model(model=model))
    assert built["image-1"].ray_actor_options["num_gpus"] == reserved
    assert built["image-1-preprocess"].ray_actor_options["num_gpus"] == 0


@pytest.mark.parametrize(("kind", "reserved"), [("openvino", 0), ("onnx", 1)])
def test_a_converted_model_reserves_a_gpu_where_its_engine_can_use_one(monkeypatch, tmp_path, kind, reserved):
    preset = ImagePreset(232, 224, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    about = About(kind=kind, precision="fp32", weights="trained", preset=preset, labels=("cat",), facts={}, versions={})
    for name in FILES[kind]:
        (tmp_path / name).write_text("a network")
    seal(tmp_path, about)
    monkeypatch.setattr(kinds, "gpus_in_reach", lambda: True)
    built = deployments(image_model(model={"model_dir": str(tmp_path)}))
    assert built["image-1"].ray_actor_options["num_gpus"] == reserved


@pytest.mark.parametrize(("resources", "expected"), [({"CPU": 4.0, "GPU": 1.0}, True), ({"CPU": 4.0}, False)])
def test_where_ray_runs_it_knows_of_gpus(monkeypatch, resources, expected):
    monkeypatch.setattr("ray.is_initialized", lambda: True)
    monkeypatch.setattr("ray.cluster_resources", lambda: resources)
    assert kinds.gpus_in_reach() is expected


def test_replicas_reserve_what_their_scaling_says():
    built = deployments(
        {
            "ingress": {"scaling": {"cpus": 1}},
            **image_model(scaling={"cpus": 2, "memory_mb": 10}, preprocess_scaling={"cpus": 0.5}),
        }
    )
    assert built["ingress"].ray_actor_options["num_cpus"] == 1
    assert built["image-1"].ray_actor_options["num_cpus"] == 2
    assert built["image-1"].ray_actor_options["memory"] == 10 * 1024 * 1024
    assert built["image-1-preprocess"].ray_actor_options["num_cpus"] == 0.5


def test_a_replica_has_time_for_the_longest_request_before_it_goes():
    for deployment in deployments({"ingress": {"request_timeout_seconds": 7}}).values():
        assert deployment._deployment_config.graceful_shutdown_timeout_s == 7 + kinds.DRAIN_MARGIN_SECONDS


def test_a_stage_takes_the_calls_of_all_its_callers():
    callers, model = {"max_replicas": 3}, {"explanations": {"enabled": False}}
    version = {"model": model, "preprocess_scaling": {"max_replicas": 5}}
    built = deployments({"ingress": {"scaling": callers}, **image_model(**version)})
    for name, expected in {"image-1-preprocess": 3, "image-1": 5}.items():
        assert built[name].max_ongoing_requests > CALLS_PER_REPLICA * expected
    fewer = deployments({"ingress": {"scaling": {"max_replicas": 2}}, **image_model(model=model)})
    assert built["image-1-preprocess"].max_ongoing_requests == (
        fewer["image-1-preprocess"].max_ongoing_requests + CALLS_PER_REPLICA
    )


def test_explanations_take_no_place_of_other_calls():
    def built(**model):
        return deployments(
            {
                "ingress": {"scaling": {"max_replicas": 3}},
                **image_model(model=model, scaling={"max_replicas": 4}),
            }
        )

    explained = built(explanations={"at_once": 2, "max_waiting": 5})
    without = built(explanations={"enabled": False})
    most = 2 * 4 + 5
    (bound,) = explained["ingress"].init_args[0]
    assert bound.max_explanations == most
    for name in ("image-1", "image-1-preprocess"):
        assert explained[name].max_ongoing_requests == without[name].max_ongoing_requests + 3 * most
    assert without["ingress"].init_args[0][0].max_explanations == 0


def test_the_ingress_takes_what_it_works_on_what_may_wait_and_what_it_refuses():
    scaling = {"max_concurrent_requests": 10, "max_queued_requests": 5}
    assert deployments({"ingress": {"scaling": scaling}})["ingress"].max_ongoing_requests == 15 + REFUSED_AT_ONCE
    scaling = {"max_concurrent_requests": 10}
    built = deployments({"ingress": {"scaling": scaling}})["ingress"]
    assert built.max_ongoing_requests == 10 + DEFAULT_QUEUE + REFUSED_AT_ONCE


def test_replicas_follow_the_scaling_of_their_stage():
    built = deployments(
        image_model(
            scaling={"min_replicas": 2, "max_replicas": 4, "target_utilization": 0.5, "max_concurrent_requests": 6}
        )
    )
    config = built["image-1"]._deployment_config.autoscaling_config
    assert (config.min_replicas, config.max_replicas, config.get_target_ongoing_requests()) == (2, 4, 3)


def test_limits_may_change_without_new_replicas():
    assert deployments({"ingress": {"max_body_mb": 5}})["ingress"].user_config["max_body_mb"] == 5


def test_environment_variables_stand_for_text(monkeypatch):
    monkeypatch.setenv("WHERE", "/models")
    args = {"models": [{"kind": "faq_matcher", "versions": [{"model": {"model_dir": "${WHERE}/faq"}}]}]}
    assert deployments(args)["faq-1"].init_args[0].model_dir == "/models/faq"


def test_wrong_settings_end_the_build():
    with pytest.raises(StartupError, match="modles: unknown key; did you mean models"):
        build({"modles": []})


def test_outside_of_a_replica_there_is_none():
    assert (replica_id(), reserved_cpus()) == ("local", None)


# The whole application, in Ray Serve's local testing mode


class LocalService:
    """The application in this process, asked over ASGI in the event loop of the ingress.

    Ray Serve's mode gives a handle of the ingress, whose way for HTTP requests does not work in Ray 2.60; so the
    ingress, which is an ASGI application, is called itself. Its handles of the stages are those of Ray.
    """

    def __init__(self, args):
        application = build(args)
        router = serve.run(application, _local_testing_mode=True)._init_router()
        self.ingress = router._user_callable_wrapper._callable
        # Ray's mode does not wait for this; until then nobody is let in without a key.
        self.ingress.reconfigure(application._bound_deployment.user_config)
        self._loop = router._user_callable_wrapper._user_code_event_loop

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
    args = {
        "models": [
            {"kind": "faq_matcher", "versions": [{"name": "1", **faq}, {"name": "2", **faq}]},
            {"kind": "image_classifier", "versions": [{"model": {**SQUEEZENET, "explanations": {"max_waiting": 1}}}]},
        ]
    }
    ray_serve = logging.getLogger("ray.serve")
    before = (ray_serve.level, ray_serve.propagate, ray_serve.handlers[:])
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SCORING_CACHE", str(directory / "cache"))
        service = LocalService(args)
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
    handle = service.stage("faq")._handle

    async def score():
        return await handle.score.remote([Question("the end", 1), Question("begin", 1)], [0.0, 0.0])

    reply = service.run(score())
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
    application = build({"profile": "production", **image_model(model=SQUEEZENET)})
    with pytest.raises(StartupError, match="weights_uri"):
        serve.run(application, _local_testing_mode=True)
