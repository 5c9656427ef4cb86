"""Clients of other servers, and requests as their documents have them, against a running service."""

import base64
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tritonclient.http as triton
from openapi_spec_validator import OpenAPIV2SpecValidator
from payloads import photo
from tritonclient.utils import InferenceServerException

KNOWN = "How do I serve on a different port than 8000?"
UNKNOWN = "Which cheese goes with a lasagna for eleven guests?"


@pytest.fixture(scope="module")
def image():
    return photo()


@pytest.fixture(scope="module")
def server(service):
    with triton.InferenceServerClient(f"127.0.0.1:{service.port}") as client:
        yield client


def asked(server, model, name, values, datatype="BYTES", *, binary=True, **options):
    """Ask by Triton's client, and return the outputs by name."""
    array = np.array(values, dtype=object if datatype == "BYTES" else np.uint8)
    tensor = triton.InferInput(name, array.shape, datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    result = server.infer(model, [tensor], **options)
    response = result.get_response()
    return {"response": response, **{each["name"]: result.as_numpy(each["name"]) for each in response["outputs"]}}


def reference(client, image):
    """The classes of an image as the reference's protocol tells them."""
    response = client.post("/image/score", content=image, headers={"content-type": "image/jpeg"})
    return response.json()["result"][0]["image"]


def test_triton_finds_the_server_and_its_models(server):
    assert server.is_server_live()
    assert server.is_server_ready()
    assert "binary_tensor_data" in server.get_server_metadata()["extensions"]
    for model in ("faq", "image"):
        assert server.is_model_ready(model)
        assert server.is_model_ready(model, "1")
        assert not server.is_model_ready(model, "2")
        assert server.get_model_metadata(model, "1")["versions"] == ["1"]
    assert not server.is_model_ready("nothing")


@pytest.mark.parametrize("model", ["faq", "image"])
@pytest.mark.parametrize("binary", [True, False])
def test_metadata_is_what_infer_takes_and_gives(server, image, model, binary):
    metadata = server.get_model_metadata(model)
    encoded = image if binary else base64.b64encode(image).decode()
    samples = {"question": [KNOWN], "image": [encoded], "pixels": np.zeros((1, 224, 224, 3), np.uint8)}
    for described in metadata["inputs"]:
        sample = samples[described["name"]]
        assert [size for size in described["shape"] if size != -1] == list(np.shape(sample))[1:]
        got = asked(server, model, described["name"], sample, described["datatype"], binary=binary)
        given = got["response"]["outputs"]
        assert [(each["name"], each["datatype"], len(each["shape"])) for each in given] == [
            (each["name"], each["datatype"], len(each["shape"])) for each in metadata["outputs"]
        ]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_triton_asks_the_faq(server, client, binary, shape):
    texts = np.array([KNOWN, UNKNOWN], dtype=object).reshape(shape)
    parameters = {"top_k": 3, "explain": True, "answers": True}
    got = asked(server, "faq", "question", texts, binary=binary, parameters=parameters, request_id="t-1")
    assert got["response"]["id"] == "t-1"
    rows = client.post("/faq/score", json={"input": [KNOWN, UNKNOWN], "top_k": 3, "answers": True}).json()
    assert got["ids"].tolist() == [[row[0] for row in each] for each in rows["result"][0]]
    assert got["answer_ids"].tolist() == [[row[1] for row in each] for each in rows["result"][0]]
    assert got["probabilities"] == pytest.approx(np.array(rows["result"][0])[:, :, 2], abs=1e-5)
    assert got["matched"].tolist() == rows["matched"]
    assert [[each.decode() for each in row] for row in got["answers"]] == rows["answers"]
    assert json.loads(got["explanations"][0][0])["score"]


def test_places_of_no_match_are_filled(server):
    got = asked(server, "faq", "question", [KNOWN, UNKNOWN], parameters={"threshold": "trained"})
    assert got["matched"].tolist() == [True, False]
    assert got["ids"][0][0] == 3
    assert set(got["ids"][1]) == {-1}
    assert set(got["probabilities"][1]) == {0.0}


def test_outputs_come_as_they_are_asked_for(server):
    wanted = [triton.InferRequestedOutput("probabilities", binary_data=False), triton.InferRequestedOutput("ids")]
    got = asked(server, "faq", "question", [KNOWN], outputs=wanted, parameters={"top_k": 1}, model_version="1")
    assert [each["name"] for each in got["response"]["outputs"]] == ["probabilities", "ids"]
    assert "data" in got["response"]["outputs"][0]
    assert got["ids"].tolist() == [[3]]


def test_triton_sends_a_thousand_questions(server):
    got = asked(server, "faq", "question", [KNOWN, UNKNOWN] * 500, parameters={"top_k": 1})
    assert got["ids"].shape == (1000, 1)
    assert set(got["ids"][::2, 0]) == {3}


@pytest.mark.parametrize("binary", [True, False])
def test_triton_asks_the_classifier_with_files(server, client, image, binary):
    files = [image, photo((300, 400), "PNG")]
    sent = files if binary else [base64.b64encode(file).decode() for file in files]
    got = asked(server, "image", "image", sent, binary=binary, parameters={"top_k": 3})
    for place, file in enumerate(files):
        classes = reference(client, file)
        assert [label.decode() for label in got["labels"][place]] == [label for label, _ in classes]
        assert got["probabilities"][place] == pytest.approx([probability for _, probability in classes], abs=1e-4)
    assert got["class_ids"].dtype == np.int64
    assert got["response"]["parameters"] == {"weights": "untrained"}


@pytest.mark.parametrize("binary", [True, False])
def test_triton_asks_the_classifier_with_pixels(server, binary):
    pixels = np.random.default_rng(5).integers(0, 256, (4, 224, 224, 3), dtype=np.uint8)
    together = asked(server, "image", "pixels", pixels, "UINT8", binary=binary)
    assert together["labels"].shape == (4, 3)
    alone = asked(server, "image", "pixels", pixels[2:3], "UINT8")
    assert together["class_ids"][2].tolist() == alone["class_ids"][0].tolist()
    assert together["probabilities"][2] == pytest.approx(alone["probabilities"][0], abs=1e-4)


@pytest.mark.parametrize(
    ("model", "tensor", "words"),
    [
        ("nothing", ("question", ["x"], "BYTES"), "no such model"),
        ("faq", ("text", ["x"], "BYTES"), "There is no input 'text'"),
        ("faq", ("question", ["x", " "], "BYTES"), "question\\[1\\]: The question is empty"),
        ("faq", ("question", ["x"] * 1001, "BYTES"), "the limit is 1000"),
        ("image", ("image", [b"no image"], "BYTES"), "image"),
        ("image", ("pixels", np.zeros((1, 100, 100, 3)), "UINT8"), "224 x 224 x 3, not of 100 x 100 x 3"),
        ("image", ("pixels", np.zeros((5, 224, 224, 3)), "UINT8"), "the limit is 4"),
    ],
)
def test_triton_shows_the_sentence_of_a_refusal(server, model, tensor, words):
    with pytest.raises(InferenceServerException, match=words):
        asked(server, model, *tensor)


def test_kserve_asks_both_models(service, kserve_python, client, image, tmp_path):
    file = tmp_path / "image.jpg"
    file.write_bytes(image)
    script = Path(__file__).with_name("kserve_client.py")
    run = subprocess.run([kserve_python, script, service.url, file], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout.splitlines()[-1])
    assert said["live"] is said["ready"] is said["model_ready"] is True
    assert said["questions"]["id"] == "k-1"
    assert said["questions"]["ids"][0] == [3]
    assert said["questions"]["matched"] == [True, False]
    assert [row[0] for row in said["binary questions"]["ids"]] == [row[0] for row in said["questions"]["ids"]]
    assert len(said["binary questions"]["probabilities"][0]) == 2
    assert set(said["one output"]) == {"id", "ids"}
    labels = [label for label, _ in reference(client, image)]
    assert said["image"]["labels"] == [labels]
    assert said["binary image"]["labels"] == [labels[:2]]
    assert np.shape(said["pixels"]["class_ids"]) == (2, 2)
    assert "There is no input 'text'; send question." in said["refusal"]


def azure(client, model, **options):
    response = client.post(f"/api/v1/service/{model}/score", **options)
    assert response.status_code == 200, response.text
    assert response.headers["azureml-model-deployment"] == "1"
    assert response.headers["x-ms-request-id"] == response.headers["x-request-id"]
    return response.json()["result"]


def test_a_client_of_azure_machine_learning_asks_the_faq(client):
    headers = {"content-type": "application/json", "authorization": "Bearer unused"}
    body = json.dumps({"data": [KNOWN, UNKNOWN], "top_k": 2})
    result = azure(client, "faq", content=body, headers=headers)
    assert [len(rows) for rows in result] == [2, 2]
    assert result[0][0][:2] == [3, 301]
    assert azure(client, "faq", json={"input": KNOWN})[0][0][:2] == [3, 301]
    assert azure(client, "faq", content=KNOWN, headers={"content-type": "text/plain"})[0][0][:2] == [3, 301]


def test_a_client_of_azure_machine_learning_asks_the_classifier(client, image):
    expected = [label for label, _ in reference(client, image)]
    encoded = base64.b64encode(image).decode()
    (by_data, _) = azure(client, "image", json={"data": [encoded, encoded]})
    raw = azure(client, "image", content=image, headers={"content-type": "application/octet-stream"})[0]["image"]
    form = azure(client, "image", files={"image": ("x.jpg", image)})[0]["x.jpg"]
    assert [[label for label, _ in classes] for classes in (by_data, raw, form)] == [expected] * 3


def test_a_deployment_is_addressed_by_its_header(client):
    address = "/api/v1/service/faq/score"
    named = client.post(address, json={"data": [KNOWN]}, headers={"azureml-model-deployment": "1"})
    assert named.status_code == 200
    unknown = client.post(address, json={"data": [KNOWN]}, headers={"azureml-model-deployment": "green"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert unknown.headers["x-ms-request-id"]


@pytest.mark.parametrize("model", ["faq", "image"])
def test_a_service_describes_itself_to_clients_of_azure_machine_learning(client, model):
    OpenAPIV2SpecValidator(client.get(f"/api/v1/service/{model}/swagger.json").json()).validate()
    assert client.get(f"/api/v1/service/{model}/").text == "Healthy"


def test_the_references_bare_route_knows_what_it_gets(client, image):
    response = client.post("/score", json={"input": KNOWN})
    assert response.json()["result"][0][0][:2] == [3, 301]
    encoded = base64.b64encode(image).decode()
    response = client.post("/score", json={"input": {"x.jpg": encoded}})
    assert [label for label, _ in response.json()["result"][0]["x.jpg"]] == [
        label for label, _ in reference(client, image)
    ]
    assert client.post("/faq/versions/1/score", json={"input": KNOWN}).headers["x-model-version"] == "1"
