"""The Open Inference Protocol over gRPC, with the clients of others, keys on."""

import json
import os
import subprocess
from pathlib import Path

import grpc
import numpy as np
import pytest
from services import Service, free_port, write_config

from deployments.ingress.access.access_directory import AccessDirectory
from deployments.ingress.oip.grpc.protocol import SERVICE, message

# What Triton's client adds to HTTP is in its package; gRPC itself comes with Ray.
triton = pytest.importorskip("tritonclient.grpc", reason="needs tritonclient and grpcio")

KNOWN = "How do I serve on a different port than 8000?"
UNKNOWN = "Which cheese goes with a lasagna for eleven guests?"
LIMIT_MB = 8
AT_ONCE = 2
NETWORK = {"architecture": "squeezenet1_1", "weights": "DEFAULT", "download": False}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    directory = AccessDirectory(tmp_path_factory.mktemp("access") / "keys")
    roles = {"all": "scoring.invoke", "faq": "scoring.invoke:faq"}
    created = {name: directory.create(name, [role]).primary.text for name, role in roles.items()}
    return {"directory": str(directory.path), **created}


@pytest.fixture(scope="module")
def guarded(keys, tmp_path_factory):
    args = {
        "ingress": {
            "max_body_mb": LIMIT_MB,
            "max_items_per_request": {"images": 4},
            "scaling": {"max_replicas": 1, "max_concurrent_requests": AT_ONCE, "max_queued_requests": 0},
            "access": {"required": True, "directory": keys["directory"]},
        },
        "models": [
            {"kind": "faq_matcher"},
            {
                "kind": "image_classifier",
                # The dearest explanations that there are.
                "versions": [{"model": {**NETWORK, "explanations": {"grid": 28, "timeout_seconds": 60}}}],
            },
        ],
    }
    config = write_config(tmp_path_factory.mktemp("grpc") / "config.yaml", args)
    port = free_port()
    service = Service("--config", config, "--grpc-port", port)
    service.wait_for("Everything else")
    assert f"gRPC: 127.0.0.1:{port}" in service.output
    service.grpc = f"127.0.0.1:{port}"
    yield service
    assert service.stop() == []


@pytest.fixture
def server(guarded):
    with triton.InferenceServerClient(guarded.grpc) as client:
        yield client


@pytest.fixture
def channel(guarded):
    with grpc.insecure_channel(guarded.grpc, options=[("grpc.max_send_message_length", -1)]) as channel:
        yield channel


@pytest.fixture
def headers(keys):
    return {"x-api-key": keys["all"]}


def call(channel, method, *, key=None, timeout=60, content=None, **fields):
    """Ask by plain gRPC; return the call and its future answer."""
    content = message(f"{method}Request")(**fields).SerializeToString() if content is None else content
    metadata = [("authorization", f"Bearer {key}")] if key else []
    return channel.unary_unary(f"/{SERVICE}/{method}").future(content, metadata=metadata, timeout=timeout)


def refusal(channel, method, **options):
    with pytest.raises(grpc.RpcError) as raised:
        call(channel, method, **options).result()
    error = raised.value
    assert dict(error.trailing_metadata())["x-request-id"]
    return error.code(), error.details()


def asked(server, headers, model, tensor, **options):
    result = server.infer(model, [tensor], headers=headers, **options)
    return {output.name: result.as_numpy(output.name) for output in result.get_response().outputs}


def given(name, values, datatype="BYTES"):
    array = np.array(values, dtype=object if datatype == "BYTES" else np.uint8)
    tensor = triton.InferInput(name, array.shape, datatype)
    tensor.set_data_from_numpy(array)
    return tensor


def reference(guarded, keys, image):
    sent = {"content-type": "image/jpeg", "x-api-key": keys["all"]}
    return guarded.client.post("/image/score", content=image, headers=sent).json()["result"][0]["image"]


@pytest.fixture(scope="module")
def image():
    from payloads import photo

    return photo((300, 400), "JPEG")


def typed(name, datatype, shape, field, values):
    return {"name": name, "datatype": datatype, "shape": shape, "contents": {field: values}}


def question(*texts):
    return typed("question", "BYTES", [len(texts)], "bytes_contents", [text.encode() for text in texts])


def test_triton_finds_the_server_and_its_models(server, headers):
    assert server.is_server_live()
    assert server.is_server_ready()
    assert server.get_server_metadata(headers=headers).name == "ray-scoring"
    for model in ("faq", "image"):
        assert server.is_model_ready(model, "1", headers=headers)
        assert list(server.get_model_metadata(model, headers=headers).versions) == ["1"]


def test_triton_asks_the_faq_as_over_http(server, guarded, headers):
    parameters = {"top_k": 3, "answers": True}
    got = asked(server, headers, "faq", given("question", [KNOWN, UNKNOWN]), parameters=parameters, model_version="1")
    body = {"input": [KNOWN, UNKNOWN], "top_k": 3, "answers": True}
    rows = guarded.client.post("/faq/score", json=body, headers=headers).json()
    assert got["ids"].tolist() == [[row[0] for row in each] for each in rows["result"][0]]
    assert got["probabilities"] == pytest.approx(np.array(rows["result"][0])[:, :, 2], abs=1e-5)
    assert got["matched"].tolist() == rows["matched"]
    assert [[each.decode() for each in row] for row in got["answers"]] == rows["answers"]


def test_triton_asks_the_classifier_with_files_and_pixels(server, guarded, keys, headers, image):
    got = asked(server, headers, "image", given("image", [image, image]))
    expected = [label for label, _ in reference(guarded, keys, image)]
    assert [[label.decode() for label in row] for row in got["labels"]] == [expected] * 2
    pixels = np.zeros((3, 224, 224, 3), np.uint8)
    assert asked(server, headers, "image", given("pixels", pixels, "UINT8"))["class_ids"].shape == (3, 3)


def test_typed_contents_are_answered_typed(channel, keys, image):
    pixels = typed("pixels", "UINT8", [1, 224, 224, 3], "uint_contents", [7] * 224 * 224 * 3)
    files = typed("image", "BYTES", [1], "bytes_contents", [image])
    for model, tensor in (("faq", question(KNOWN)), ("image", files), ("image", pixels)):
        asked = call(channel, "ModelInfer", key=keys["all"], model_name=model, inputs=[tensor])
        response = message("ModelInferResponse").FromString(asked.result())
        assert all(output.HasField("contents") for output in response.outputs)
        assert not response.raw_output_contents
        told = dict(asked.trailing_metadata())
        assert (told["x-model-name"], told["x-model-version"]) == (model, "1")


def test_kserve_asks_both_models(guarded, kserve_python, keys, image, tmp_path):
    file = tmp_path / "image.jpg"
    file.write_bytes(image)
    script = Path(__file__).with_name("kserve_grpc_client.py")
    command = [kserve_python, script, guarded.grpc, keys["all"], file]
    # What this project's packages are on the path for is not for that environment.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout.splitlines()[-1])
    assert said["live"] is said["ready"] is said["model_ready"] is True
    for name in ("questions", "raw questions"):
        assert said[name]["id"] == "k-1"
        assert said[name]["matched"] == [True, False]
        assert said[name]["ids"][0][0] == 3
    labels = [label for label, _ in reference(guarded, keys, image)]
    assert said["raw image"]["labels"] == [labels[:2]]
    assert said["pixels"]["class_ids"] == said["raw pixels"]["class_ids"]
    assert np.shape(said["pixels"]["class_ids"]) == (2, 2)


def test_keys_and_roles_hold(channel, keys):
    fields = {"model_name": "image", "inputs": [question("x")]}
    code, details = refusal(channel, "ModelInfer", **fields)
    assert (code, details[:20]) == (grpc.StatusCode.UNAUTHENTICATED, "This needs a key: se")
    assert refusal(channel, "ModelInfer", key="x", **fields)[0] is grpc.StatusCode.UNAUTHENTICATED
    assert refusal(channel, "ModelInfer", key=keys["faq"], **fields) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "This needs the role scoring.invoke:image, which the client does not have.",
    )
    assert refusal(channel, "ModelMetadata", key=keys["faq"], name="image")[0] is grpc.StatusCode.PERMISSION_DENIED
    assert call(channel, "ModelInfer", key=keys["faq"], model_name="faq", inputs=[question("x")]).result()


@pytest.mark.parametrize(
    ("fields", "code", "said"),
    [
        ({"model_name": "x"}, grpc.StatusCode.NOT_FOUND, "There is no such model; there are faq, image."),
        ({"model_name": "faq", "model_version": "2"}, grpc.StatusCode.NOT_FOUND, "no such version"),
        ({"model_name": "faq", "inputs": [question()]}, grpc.StatusCode.INVALID_ARGUMENT, "must be at least 1"),
        (
            {"model_name": "image", "inputs": [typed("image", "BYTES", [1], "bytes_contents", [b"no image"])]},
            grpc.StatusCode.INVALID_ARGUMENT,
            "",
        ),
        (
            {"model_name": "faq", "inputs": [question("x")], "parameters": {"timeout": {"int64_param": 1}}},
            grpc.StatusCode.DEADLINE_EXCEEDED,
            "before its deadline",
        ),
        ({"content": b"\xff\xff"}, grpc.StatusCode.INVALID_ARGUMENT, "The bytes are no ModelInferRequest."),
        ({"content": bytes(LIMIT_MB * 1024 * 1024 + 1)}, grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than the limit"),
    ],
)
def test_refusals_are_statuses_with_a_sentence(channel, keys, fields, code, said):
    found = refusal(channel, "ModelInfer", key=keys["all"], **fields)
    assert found[0] is code
    assert said in found[1]
    for secret in ("Traceback", "/", "ray", "Error"):
        assert secret not in found[1]


def test_extensions_of_triton_are_unimplemented(server, headers):
    with pytest.raises(triton.InferenceServerException) as raised:
        server.get_model_repository_index(headers=headers)
    assert raised.value.status() == "StatusCode.UNIMPLEMENTED"


def test_a_client_that_goes_away_ends_its_work(channel, keys, image):
    """Each call has half a minute of work, and the service takes two at once."""
    fields = {
        "model_name": "image",
        "inputs": [typed("image", "BYTES", [4], "bytes_contents", [image] * 4)],
        "parameters": {"explain": {"bool_param": True}},
    }
    asking = {"key": keys["all"], "model_name": "faq", "inputs": [question(KNOWN)]}

    def explain():
        return call(channel, "ModelInfer", key=keys["all"], **fields)

    calls = [explain() for _ in range(AT_ONCE)]
    while code_of(call(channel, "ModelInfer", timeout=1, **asking)) is grpc.StatusCode.OK:
        # The question may have taken the place of one of them.
        assert {code_of(each) for each in calls if each.done()} <= {grpc.StatusCode.RESOURCE_EXHAUSTED}
        calls = [explain() if each.done() else each for each in calls]
    for each in calls:
        assert each.cancel()
    # Less than the work would take.
    assert code_of(call(channel, "ModelInfer", timeout=10, **asking)) is grpc.StatusCode.OK


def code_of(asked):
    try:
        asked.result()
    except grpc.RpcError as error:
        return error.code()
    return asked.code()
