"""What clients are answered over gRPC, and what not."""

import asyncio
import json

import numpy as np
import pytest
from grpc import StatusCode

from deployments.codecs.tensors.binary import pack_elements, unpack_elements
from deployments.contracts import EncodedImage, PixelImage, Question
from deployments.errors import ModelError, Overloaded, Unavailable
from deployments.ingress.access import watched
from deployments.ingress.access.access_directory import AccessDirectory
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.oip.grpc.protocol import METHODS

QUESTIONS = {"name": "question", "datatype": "BYTES", "shape": [2], "contents": {"bytes_contents": [b"x", b"y"]}}
ONE = {"name": "question", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"x"]}}
RAW = {"name": "question", "datatype": "BYTES", "shape": [1]}
PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)


def asking(tensor=ONE, model="faq", **fields):
    return {"model_name": model, "inputs": [tensor], **fields}


def typed(response):
    return {output.name: list(output.contents.ListFields()[0][1]) for output in response.outputs}


# What the server and its models are


async def test_the_server_lives_and_is_ready_when_every_model_is(call, faq):
    assert (await call("ServerLive")).response.live
    assert (await call("ServerReady")).response.ready
    faq.ready = False
    assert (await call("ServerLive")).response.live
    assert not (await call("ServerReady")).response.ready


async def test_a_model_is_ready_when_it_answers(call, faq):
    for version in ("", "1", "2"):
        assert (await call("ModelReady", name="faq", version=version)).response.ready
    faq.ready = False
    assert not (await call("ModelReady", name="faq")).response.ready
    assert (await call("ModelReady", name="image")).response.ready


@pytest.mark.parametrize("method", ["ModelReady", "ModelMetadata"])
async def test_there_is_nothing_to_say_of_models_that_there_are_not(call, method):
    assert (await call(method, name="nothing")).code is StatusCode.NOT_FOUND
    assert (await call(method, name="faq", version="9")).code is StatusCode.NOT_FOUND
    assert (await call(method)).code is StatusCode.NOT_FOUND


async def test_metadata(call, client):
    server = (await call("ServerMetadata")).response
    over_http = (await client.get("/v2")).json()
    assert (server.name, server.version) == (over_http["name"], over_http["version"])
    model = (await call("ModelMetadata", name="image")).response
    over_http = (await client.get("/v2/models/image")).json()
    assert (model.name, list(model.versions), model.platform) == ("image", ["1"], "sklearn")
    for ours, theirs in ((model.inputs, over_http["inputs"]), (model.outputs, over_http["outputs"])):
        assert [{"name": t.name, "datatype": t.datatype, "shape": list(t.shape)} for t in ours] == theirs


# Inference


async def test_questions_are_answered_as_over_http(call, client):
    answer = await call("ModelInfer", **asking(QUESTIONS, parameters={"top_k": {"int64_param": 2}}, id="r-1"))
    response = answer.response
    assert (response.model_name, response.model_version, response.id) == ("faq", "1", "r-1")
    body = {
        "inputs": [{"name": "question", "datatype": "BYTES", "shape": [2], "data": ["x", "y"]}],
        "parameters": {"top_k": 2},
    }
    over_http = (await client.post("/v2/models/faq/infer", json=body)).json()["outputs"]
    assert [(t.name, t.datatype, list(t.shape)) for t in response.outputs] == [
        (t["name"], t["datatype"], t["shape"]) for t in over_http
    ]
    for name, values in typed(response).items():
        assert values == pytest.approx(next(t["data"] for t in over_http if t["name"] == name))
    assert len(response.raw_output_contents) == 0


async def test_raw_contents_are_answered_raw(call):
    raw = [pack_elements([b"x"])]
    response = (await call("ModelInfer", **asking(RAW, raw_input_contents=raw))).response
    assert [output.name for output in response.outputs] == ["ids", "answer_ids", "probabilities", "matched"]
    assert not any(output.HasField("contents") for output in response.outputs)
    ids, _, probabilities, matched = response.raw_output_contents
    assert np.frombuffer(ids, "<i8").tolist() == [7, 8, 9]
    assert np.frombuffer(probabilities, "<f4") == pytest.approx([0.5, 0.3, 0.2])
    assert matched == b"\x01"


async def test_typed_contents_are_answered_raw_if_the_request_says_so(call):
    fields = asking(parameters={"binary_data_output": {"bool_param": True}}, outputs=[{"name": "answers"}])
    response = (await call("ModelInfer", **fields)).response
    (answers,) = response.raw_output_contents
    assert unpack_elements(memoryview(answers), 3) == [b"Seven.", b"", b"Nine."]


async def test_outputs_come_in_the_order_that_is_asked_for(call):
    wanted = [{"name": "probabilities"}, {"name": "explanations"}, {"name": "ids"}]
    response = (await call("ModelInfer", **asking(outputs=wanted))).response
    assert [output.name for output in response.outputs] == ["probabilities", "explanations", "ids"]
    assert json.loads(typed(response)["explanations"][0])["terms"]


async def test_one_raw_output_makes_all_raw(call):
    outputs = [{"name": "ids", "parameters": {"binary_data": {"bool_param": True}}}, {"name": "matched"}]
    response = (await call("ModelInfer", **asking(outputs=outputs))).response
    assert len(response.raw_output_contents) == 2
    assert not any(output.HasField("contents") for output in response.outputs)


@pytest.mark.parametrize("raw", [True, False])
async def test_images_come_as_files(call, image, raw):
    files = [b"IMG1", b"IMG\x00\xff"]
    tensor = {"name": "image", "datatype": "BYTES", "shape": [2, 1]}
    fields = (
        asking(tensor, "image", raw_input_contents=[pack_elements(files)])
        if raw
        else asking({**tensor, "contents": {"bytes_contents": files}}, "image")
    )
    response = (await call("ModelInfer", **fields)).response
    assert [item.content for item in image.items] == files
    assert all(isinstance(item, EncodedImage) for item in image.items)
    assert list(response.outputs[0].shape) == [2, 2]
    assert response.parameters["weights"].string_param == "untrained"
    if not raw:
        assert typed(response)["labels"] == [b"n1 a", b"n2 b"] * 2


async def test_images_may_be_base64_where_they_say_so(call, image):
    tensor = {
        "name": "image", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"SU1HMQ=="]},
        "parameters": {"content_type": {"string_param": "base64"}},
    }  # fmt: skip
    assert (await call("ModelInfer", **asking(tensor, "image"))).code is StatusCode.OK
    assert image.items[0].content == b"IMG1"


@pytest.mark.parametrize("raw", [True, False])
async def test_images_come_as_pixels(call, image, raw):
    tensor = {"name": "pixels", "datatype": "UINT8", "shape": PIXELS.shape}
    fields = (
        asking(tensor, "image", raw_input_contents=[PIXELS.tobytes()])
        if raw
        else asking({**tensor, "contents": {"uint_contents": PIXELS.ravel().tolist()}}, "image")
    )
    assert (await call("ModelInfer", **fields)).code is StatusCode.OK
    assert image.items == [PixelImage(each.tobytes(), 2, 2, 3, None) for each in PIXELS]


async def test_options_reach_the_model(call, faq):
    parameters = {
        "top_k": {"uint64_param": 1}, "threshold": {"double_param": 0.25}, "answers": {"bool_param": True},
        "priority": {"uint64_param": 1}, "triton_enable_empty_final_response": {"bool_param": False},
    }  # fmt: skip
    answer = await call("ModelInfer", **asking(parameters=parameters, model_version="2"))
    assert answer.response.model_version == "2"
    assert faq.items == [Question("x", 1, 0.25, answers=True)]


async def test_what_is_told_in_headers_comes_as_trailing_metadata(call):
    answer = await call("ModelInfer", **asking(), metadata=[("x-request-id", "mine-1")])
    assert answer.trailing["x-request-id"] == "mine-1"
    assert answer.trailing["x-model-name"] == "faq"
    assert answer.trailing["x-model-version"] == "1"
    assert answer.trailing["x-model-weights"] == "trained"
    assert "infer;dur=1.00" in answer.trailing["server-timing"]


@pytest.mark.parametrize("method", METHODS)
async def test_every_answer_has_a_harmless_identifier(call, method):
    for name in ("x-request-id", "request_id"):
        answer = await call(method, metadata=[(name, 'a" 200 OK')])
        assert len(answer.trailing["x-request-id"]) == 36
        assert (await call(method, metadata=[(name, "kept")])).trailing["x-request-id"] == "kept"


# Refusals


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        (asking(model="nothing"), StatusCode.NOT_FOUND, "There is no such model; there are faq, image."),
        (asking(model_version="9"), StatusCode.NOT_FOUND, "Model faq has no such version; it has 1, 2."),
        ({"model_name": "faq"}, StatusCode.INVALID_ARGUMENT, "'inputs' is not valid"),
        (asking({**ONE, "shape": [2]}), StatusCode.INVALID_ARGUMENT, "its shape makes 2 elements, its data has 1"),
        (asking(RAW, raw_input_contents=[b"\x01"]), StatusCode.INVALID_ARGUMENT, "its 1 bytes cannot hold 1 elements"),
        (asking(ONE, "image"), StatusCode.INVALID_ARGUMENT, "There is no input 'question'"),
        (asking(outputs=[{"name": "x"}]), StatusCode.INVALID_ARGUMENT, "There is no output 'x'"),
        (asking(parameters={"x": {"bool_param": True}}), StatusCode.INVALID_ARGUMENT, "The parameter 'x' is not known"),
    ],
)
async def test_requests_that_are_not_valid_get_a_sentence(call, fields, code, said):
    answer = await call("ModelInfer", **fields)
    assert (answer.code, said in answer.details) == (code, True), answer.details
    assert answer.trailing["error-code"]


@pytest.mark.parametrize("method", ["ModelReady", "ModelMetadata", "ModelInfer"])
async def test_bytes_that_are_no_message_are_refused(call, method):
    answer = await call(method, b"\xff\xff\xff")
    assert (answer.code, answer.details) == (StatusCode.INVALID_ARGUMENT, f"The bytes are no {method}Request.")


@pytest.mark.parametrize(
    ("error", "code", "details"),
    [
        (ModelError("The model failed."), StatusCode.INTERNAL, "The model failed."),
        (Overloaded("The queue is full."), StatusCode.RESOURCE_EXHAUSTED, "The queue is full."),
        (Unavailable("No replica."), StatusCode.UNAVAILABLE, "No replica."),
        (ValueError("secret"), StatusCode.INTERNAL, "The service failed to answer this request."),
    ],
)
async def test_errors_of_stages_become_statuses_and_nothing_else_gets_out(call, faq, error, code, details):
    faq.error = error
    answer = await call("ModelInfer", **asking())
    assert (answer.code, answer.details) == (code, details)
    assert "secret" not in str(answer.trailing)
    faq.error = None
    assert (await call("ModelInfer", **asking())).code is StatusCode.OK


async def test_what_escapes_everything_does_not_get_out_either(call, replica, monkeypatch):
    async def fail(*_):
        raise ValueError("secret")

    monkeypatch.setattr(replica, "inference", fail)
    answer = await call("ServerLive")
    assert (answer.code, answer.details) == (StatusCode.INTERNAL, "The service failed to answer this request.")
    assert answer.trailing["x-request-id"]


async def test_methods_that_there_are_not_are_unimplemented(call):
    for path in ("inference.GRPCInferenceService/RepositoryIndex", "inference.GRPCInferenceService/__init__", "x.Y/Z"):
        unary = call.channel.unary_unary(f"/{path}")(b"")
        assert await unary.code() is StatusCode.UNIMPLEMENTED


async def test_a_call_has_one_message(call):
    stream = call.channel.stream_unary("/inference.GRPCInferenceService/ModelInfer")
    assert await stream(iter([])).code() is StatusCode.INVALID_ARGUMENT
    assert await stream(iter([b"", b""])).details() == "The call has more than one message."


async def test_a_message_may_be_as_large_as_a_body(call):
    limit = 1024 * 1024
    answer = await call("ModelInfer", bytes(limit + 1))
    assert (answer.code, answer.details) == (
        StatusCode.RESOURCE_EXHAUSTED,
        f"The message is larger than the limit of {limit} bytes.",
    )
    assert (await call("ModelInfer", bytes(limit))).code is StatusCode.INVALID_ARGUMENT


# In flight


async def in_the_stage(stage):
    while not stage.items:
        await asyncio.sleep(0)


async def test_a_call_that_is_cancelled_ends_its_work(call, faq, bounded):
    faq.gate.clear()
    started = call.start("ModelInfer", **asking())
    await in_the_stage(faq)
    assert bounded._running == 1
    assert started.cancel()
    while bounded._running:
        await asyncio.sleep(0)
    faq.gate.set()
    assert (await call("ModelInfer", **asking())).code is StatusCode.OK


async def test_the_clients_deadline_reaches_the_work(call, faq, bounded):
    faq.gate.clear()
    assert (await call("ModelInfer", **asking(), timeout=0.2)).code is StatusCode.DEADLINE_EXCEEDED
    while bounded._running:
        await asyncio.sleep(0)


@pytest.mark.parametrize("sent", [{"parameters": {"timeout": {"int64_param": 1000}}}, {}])
async def test_the_earlier_deadline_holds(call, faq, limits, sent):
    if not sent:
        limits["settings"] = limits["settings"].model_copy(update={"request_timeout_seconds": 0.01})
    faq.gate.clear()
    answer = await call("ModelInfer", **asking(**sent))
    assert (answer.code, answer.trailing["error-code"]) == (StatusCode.DEADLINE_EXCEEDED, "request_timeout")


async def test_a_client_cannot_set_what_only_the_service_may(call, faq):
    answer = await call("ModelInfer", **asking(), metadata=[("scoring-deadline", "x")], timeout=None)
    assert answer.code is StatusCode.OK


async def test_quotas_are_those_of_http(call, client_quotas, faq):
    client_quotas(requests_per_second=0.001, burst=2)
    for left in (1, 0):
        answer = await call("ModelInfer", **asking())
        assert answer.code is StatusCode.OK
        assert f"r={left}" in answer.trailing["ratelimit"]
    asked = len(faq.items)
    refused = await call("ModelInfer", **asking())
    assert refused.code is StatusCode.RESOURCE_EXHAUSTED
    assert int(refused.trailing["retry-after"]) > 0
    assert "r=0" in refused.trailing["ratelimit"]
    assert len(faq.items) == asked


async def test_bytes_of_messages_are_counted_once(call, client_quotas, door):
    client_quotas(bytes_per_day=100_000)
    big = {**ONE, "contents": {"bytes_contents": [b"x" * 40_000]}}
    codes = [(await call("ModelInfer", **asking(big))).code for _ in range(3)]
    assert codes == [StatusCode.OK, StatusCode.OK, StatusCode.RESOURCE_EXHAUSTED]


async def test_items_of_one_request_are_those_that_the_client_may_send(call, client_quotas):
    client_quotas(items_per_request={"questions": 1})
    assert (await call("ModelInfer", **asking(ONE))).code is StatusCode.OK
    assert (await call("ModelInfer", **asking(QUESTIONS))).code is StatusCode.INVALID_ARGUMENT


async def test_requests_over_the_bound_are_refused_and_health_is_not(call, faq, limits, bounded):
    scaling = limits["settings"].scaling.model_copy(update={"max_concurrent_requests": 1, "max_queued_requests": 0})
    limits["settings"] = limits["settings"].model_copy(update={"scaling": scaling})
    faq.gate.clear()
    first = call.start("ModelInfer", **asking())
    await in_the_stage(faq)
    refused = await call("ModelInfer", **asking())
    assert (refused.code, refused.trailing["grpc-retry-pushback-ms"]) == (StatusCode.RESOURCE_EXHAUSTED, "1000")
    assert (await call("ServerLive")).response.live
    faq.gate.set()
    assert await first.code() is StatusCode.OK
    held = bounded.enter()
    assert (await call("ModelInfer", **asking())).code is StatusCode.RESOURCE_EXHAUSTED
    bounded.leave(held)
    assert (await call("ModelInfer", **asking())).code is StatusCode.OK


# Access


@pytest.fixture
def keys(tmp_path, limits, monkeypatch):
    monkeypatch.setattr(watched, "LOOK_SECONDS", 0)
    directory = AccessDirectory(tmp_path / "access")
    limits["access"] = AccessSettings(required=True, directory=directory.path)
    roles = {"all": "scoring.invoke", "faq": "scoring.invoke:faq", "admin": "scoring.admin"}
    return {name: directory.create(name, [role]).primary.text for name, role in roles.items()}


async def test_health_needs_no_key_and_all_else_does(call, keys):
    assert {method: (await call(method)).code for method in METHODS} == {
        "ServerLive": StatusCode.OK,
        "ServerReady": StatusCode.OK,
        **dict.fromkeys(("ServerMetadata", "ModelReady", "ModelMetadata", "ModelInfer"), StatusCode.UNAUTHENTICATED),
    }


@pytest.mark.parametrize("name", ["x-api-key", "api-key", "authorization"])
async def test_a_key_comes_in_one_of_three_metadata(call, keys, name):
    value = f"Bearer {keys['faq']}" if name == "authorization" else keys["faq"]
    assert (await call("ModelInfer", **asking(), metadata=[(name, value)])).code is StatusCode.OK
    twice = [(name, value), ("x-api-key", keys["faq"])]
    assert (await call("ModelInfer", **asking(), metadata=twice)).code is StatusCode.UNAUTHENTICATED
    assert (await call("ModelInfer", **asking(), metadata=[(name, "x")])).code is StatusCode.UNAUTHENTICATED
    binary = [("x-api-key-bin", keys["faq"].encode())]
    assert (await call("ModelInfer", **asking(), metadata=binary)).code is StatusCode.UNAUTHENTICATED


async def test_roles_are_those_of_http(call, keys):
    outcomes = {}
    for client, key in keys.items():
        for model in ("faq", "image", "nothing"):
            metadata = [("x-api-key", key)]
            described = await call("ModelMetadata", name=model, metadata=metadata)
            asked = await call("ModelInfer", **asking(model=model), metadata=metadata)
            outcomes[client, model] = (described.code.name, asked.code.name)
    denied = "PERMISSION_DENIED"
    assert outcomes == {
        ("all", "faq"): ("OK", "OK"),
        ("all", "image"): ("OK", "INVALID_ARGUMENT"),
        ("all", "nothing"): ("NOT_FOUND", "NOT_FOUND"),
        ("faq", "faq"): ("OK", "OK"),
        ("faq", "image"): (denied, denied),
        ("faq", "nothing"): (denied, denied),
        ("admin", "faq"): ("OK", denied),
        ("admin", "image"): ("OK", denied),
        ("admin", "nothing"): ("NOT_FOUND", denied),
    }


async def test_no_message_is_read_of_whom_nobody_knows(call, keys):
    never = asyncio.Event()

    async def messages():
        await never.wait()
        yield b""

    stream = call.channel.stream_unary("/inference.GRPCInferenceService/ModelInfer")(messages())
    assert await stream.code() is StatusCode.UNAUTHENTICATED


async def test_what_the_server_is_may_be_open(call, keys, limits):
    limits["access"] = limits["access"].model_copy(update={"open_docs": True})
    assert (await call("ServerMetadata")).code is StatusCode.OK
    assert (await call("ModelMetadata", name="faq")).code is StatusCode.UNAUTHENTICATED
