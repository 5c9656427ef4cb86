import base64
import json
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.codecs.tensors.binary import pack_elements, unpack_elements
from deployments.contracts import EncodedImage, PixelImage, Question
from deployments.errors import Overloaded
from deployments.ingress.settings import IngressSettings

FAQ, IMAGE = "/v2/models/faq/infer", "/v2/models/image/infer"


def questions(*texts, shape=None, **beside):
    data = {"name": "question", "datatype": "BYTES", "shape": shape or [len(texts)], "data": list(texts)}
    return {"inputs": [data], **beside}


def binary(name, datatype, shape, content, **beside):
    """A body with one binary tensor, and the headers that it needs."""
    tensor = {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": len(content)}}
    header = json.dumps({"inputs": [tensor], **beside}).encode()
    return {"content": header + content, "headers": {"inference-header-content-length": str(len(header))}}


def outputs(response):
    assert response.status_code == 200, response.text
    return {each["name"]: (each["datatype"], each["shape"], each["data"]) for each in response.json()["outputs"]}


def refusal(response, status=422):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()["error"]


async def test_questions_are_answered_with_what_the_metadata_says(client, faq):
    response = await client.post(FAQ, json=questions("a", "b", id="42"))
    assert outputs(response) == {
        "ids": ("INT64", [2, 3], [7, 8, 9] * 2),
        "answer_ids": ("INT64", [2, 3], [70, 80, 90] * 2),
        "probabilities": ("FP32", [2, 3], [0.5, 0.3, 0.2] * 2),
        "matched": ("BOOL", [2], [True, True]),
    }
    content = response.json()
    assert (content["id"], content["model_name"], content["model_version"]) == ("42", "faq", "1")
    assert set(content) == {"id", "model_name", "model_version", "outputs"}
    described = (await client.get("/v2/models/faq")).json()["outputs"]
    assert [(each["name"], each["datatype"]) for each in described] == [
        (each["name"], each["datatype"]) for each in content["outputs"]
    ]
    assert [len(each["shape"]) for each in described] == [len(each["shape"]) for each in content["outputs"]]
    assert faq.items == [Question("a"), Question("b")]
    assert response.headers["x-model-version"] == "1"


async def test_a_version_answers_by_its_name(client):
    response = await client.post("/v2/models/faq/versions/2/infer", json=questions("a"))
    assert response.json()["model_version"] == response.headers["x-model-version"] == "2"
    assert "no such version" in refusal(await client.post("/v2/models/faq/versions/3/infer", json=questions("a")), 404)
    assert "no such model" in refusal(await client.post("/v2/models/x/infer", json=questions("a")), 404)


@pytest.mark.parametrize("shape", [[2], [2, 1]])
async def test_a_column_of_questions_is_a_list_of_them(client, shape):
    assert outputs(await client.post(FAQ, json=questions("a", "b", shape=shape)))["matched"][1] == [2]
    body = binary("question", "BYTES", shape, pack_elements(["ä".encode(), b"b"]))
    assert outputs(await client.post(FAQ, **body))["matched"][1] == [2]


async def test_parameters_go_to_the_model(client, faq):
    given_parameters = {"top_k": 2, "threshold": "trained", "priority": 3, "triton_x": 1, "timeout": 10**9}
    await client.post(FAQ, json=questions("a", parameters=given_parameters))
    assert faq.items == [Question("a", 2, "trained")]


async def test_places_without_a_match_are_filled(client, faq):
    def match(item):
        item = Question(item.text, item.top_k, 0.9 if item.text == "none" else 0.4, item.explain, item.answers)
        return type(faq).match(faq, item)

    faq.match = match
    got = outputs(await client.post(FAQ, json=questions("one", "none", parameters={"answers": True, "explain": True})))
    assert got["ids"] == ("INT64", [2, 1], [7, -1])
    assert got["probabilities"] == ("FP32", [2, 1], [0.5, 0.0])
    assert got["matched"] == ("BOOL", [2], [True, False])
    assert got["answers"] == ("BYTES", [2, 1], ["Seven.", ""])
    assert json.loads(got["explanations"][2][0]) == {"terms": [["one", 1.5]], "other": -0.5, "score": 1.0}
    assert got["explanations"][2][1] == ""
    got = outputs(await client.post(FAQ, json=questions("none")))
    assert got["ids"] == ("INT64", [1, 0], [])


async def test_ids_have_the_datatype_of_the_metadata(client, faq):
    faq.outputs = tuple(type(each)(each.name, "BYTES", each.shape) for each in faq.outputs)
    got = outputs(await client.post(FAQ, json=questions("a", parameters={"top_k": 1})))
    assert got["ids"] == ("BYTES", [1, 1], ["7"])


async def test_outputs_are_those_that_were_asked_for_in_their_order(client, faq):
    wanted = [{"name": "answers"}, {"name": "ids"}]
    response = await client.post(FAQ, json=questions("a", outputs=wanted))
    assert [each["name"] for each in response.json()["outputs"]] == ["answers", "ids"]
    assert faq.items == [Question("a", answers=True)]


def tensors_of(response):
    """The JSON of a response with binary data, and each tensor's bytes by name."""
    length = int(response.headers["inference-header-content-length"])
    header = json.loads(response.content[:length])
    left, found = response.content[length:], {}
    for each in header["outputs"]:
        if size := each.get("parameters", {}).get("binary_data_size"):
            found[each["name"]], left = left[:size], left[size:]
    assert left == b""
    return header, found


async def test_outputs_come_as_binary_data_where_that_is_wanted(client):
    parameters = {"binary_data_output": True, "top_k": 1, "answers": True}
    response = await client.post(FAQ, json=questions("a", "b", parameters=parameters))
    assert response.headers["content-type"] == "application/octet-stream"
    header, found = tensors_of(response)
    assert all("data" not in each for each in header["outputs"])
    assert struct.unpack("<2q", found["ids"]) == (7, 7)
    assert struct.unpack("<2f", found["probabilities"]) == (0.5, 0.5)
    assert struct.unpack("<2?", found["matched"]) == (True, True)
    assert unpack_elements(memoryview(found["answers"]), 2) == [b"Seven.", b"Seven."]


async def test_each_output_may_say_for_itself_how_it_is_to_come(client):
    wanted = [{"name": "ids", "parameters": {"binary_data": False}}, {"name": "probabilities"}, {"name": "matched"}]
    body = questions("a", parameters={"binary_data_output": True}, outputs=wanted)
    header, found = tensors_of(await client.post(FAQ, json=body))
    assert [("data" in each) for each in header["outputs"]] == [True, False, False]
    assert list(found) == ["probabilities", "matched"]


async def test_image_files_are_classified(client, image):
    files = [b"IMG a", b"IMG b"]
    encoded = [base64.b64encode(file).decode() for file in files]
    expected = {
        "class_ids": ("INT64", [2, 2], [1, 2] * 2),
        "labels": ("BYTES", [2, 2], ["n1 a", "n2 b"] * 2),
        "probabilities": ("FP32", [2, 2], [0.9, 0.1] * 2),
    }
    by_json = {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [2], "data": encoded}]}
    response = await client.post(IMAGE, json=by_json)
    assert outputs(response) == expected
    assert response.json()["parameters"] == {"weights": "untrained"}
    body = binary("image", "BYTES", [2, 1], pack_elements(files), parameters={"top_k": 2})
    assert outputs(await client.post(IMAGE, **body)) == expected
    assert image.items == [EncodedImage(file, top_k) for top_k in (3, 2) for file in files]


async def test_base64_may_be_binary_data_where_the_tensor_says_so(client, image):
    content = pack_elements([base64.b64encode(b"IMG")])
    parameters = {"binary_data_size": len(content), "content_type": "base64"}
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "parameters": parameters}
    header = json.dumps({"inputs": [tensor]}).encode()
    length = {"inference-header-content-length": str(len(header))}
    assert (await client.post(IMAGE, content=header + content, headers=length)).status_code == 200
    assert image.items == [EncodedImage(b"IMG", 3)]


@pytest.mark.parametrize("name", ["pixels", "image"])
async def test_pixels_go_to_the_model_as_they_are(client, image, name):
    pixels = list(range(24))
    tensor = {"name": name, "datatype": "UINT8", "shape": [2, 2, 2, 3], "data": pixels}
    assert outputs(await client.post(IMAGE, json={"inputs": [tensor]}))["class_ids"][1] == [2, 2]
    assert outputs(await client.post(IMAGE, **binary(name, "UINT8", [2, 2, 2, 3], bytes(pixels))))
    halves = [PixelImage(bytes(pixels[:12]), 2, 2, 3), PixelImage(bytes(pixels[12:]), 2, 2, 3)]
    assert image.items == halves * 2


@pytest.mark.parametrize(
    ("asked", "explain"),
    [
        ({"parameters": {"explain": True}}, "top"),
        ({"parameters": {"explain": True, "explain_class": 2}}, 2),
        ({"outputs": [{"name": "explanations"}]}, "top"),
        ({"parameters": {"explain_class": 0}, "outputs": [{"name": "labels"}, {"name": "explanations"}]}, 0),
    ],
)
async def test_images_are_explained_if_asked_for(client, image, explainer, asked, explain):
    encoded = {"name": "image", "datatype": "BYTES", "shape": [2], "data": ["SU1H"] * 2}
    response = await client.post(IMAGE, json={"inputs": [encoded], **asked})
    datatype, shape, texts = outputs(response)["explanations"]
    assert (datatype, shape) == ("BYTES", [2])
    for explanation in map(json.loads, texts):
        assert explanation["class_index"] == {"top": 1}.get(explain, explain)
        assert base64.b64decode(explanation["heat_map_png"]) == b"PNG"
    named = [each["name"] for each in asked.get("outputs", [])]
    assert list(outputs(response)) == (named or ["class_ids", "labels", "probabilities", "explanations"])
    assert "explain;dur" in response.headers["server-timing"]
    assert explainer.items == [EncodedImage(b"IMG", 3, explain)] * 2
    assert image.items == []


async def test_pixels_are_explained_too(client, explainer):
    body = binary("pixels", "UINT8", [1, 1, 1, 3], b"RGB", parameters={"explain": True, "explain_class": 2})
    assert "explanations" in outputs(await client.post(IMAGE, **body))
    assert explainer.items == [PixelImage(b"RGB", 1, 1, 3, 2)]


async def test_a_full_explainer_is_told_as_such(client, explainer):
    explainer.error = Overloaded("full")
    body = {**tensor(name="image", data=["SU1H"]), "parameters": {"explain": True}}
    assert "Too many explanations" in refusal(await client.post(IMAGE, json=body), 503)


def tensor(**changes):
    return {"inputs": [{"name": "question", "datatype": "BYTES", "shape": [1], "data": ["a"], **changes}]}


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (FAQ, tensor(name="text"), "There is no input 'text'; send question."),
        (FAQ, tensor(datatype="UINT8", data=[1]), "its datatype must be BYTES, not UINT8"),
        (FAQ, tensor(shape=[1, 1, 1]), "its shape must be [n] or [n, 1]"),
        (FAQ, tensor(shape=[0], data=[]), "it has 0 questions"),
        (FAQ, tensor(shape=[6], data=["a"] * 6), "the limit is 5"),
        (FAQ, tensor(shape=[2]), "its shape makes 2 elements, its data has 1"),
        (FAQ, tensor(shape=[2], data=["a", " "]), "question[1]: The text is empty."),
        (FAQ, tensor(parameters={"content_type": "base64"}), "plain text"),
        (FAQ, questions("a", parameters={"topk": 1}), "The parameter 'topk' is not known"),
        (FAQ, questions("a", parameters={"top_k": 0}), "The parameter 'top_k'"),
        (FAQ, questions("a", parameters={"top_k": "1"}), "The parameter 'top_k'"),
        (FAQ, questions("a", parameters={"binary_data_output": 1}), "binary_data_output"),
        (FAQ, questions("a", outputs=[{"name": "x"}]), "There is no output 'x'; there are ids, "),
        (FAQ, questions("a", outputs=[{"name": "ids", "parameters": {"classification": 3}}]), "'classification'"),
        (FAQ, questions("a", outputs=[{"name": "ids", "parameters": {"binary_data": 1}}]), "true or false"),
        (FAQ, {"inputs": tensor()["inputs"] * 2}, "Send one input: question; the request has 2."),
        (FAQ, {"inputs": []}, "inputs"),
        (FAQ, {}, "'inputs' is missing"),
        (FAQ, [], "must be a JSON object"),
        (IMAGE, tensor(name="image", data=["%"]), "image[0]' is not valid base64"),
        (IMAGE, tensor(name="image", data=[base64.b64encode(b"no").decode()]), "This is not an image."),
        (IMAGE, tensor(name="image", shape=[4], data=["SU1H"] * 4), "it has 4 images"),
        (IMAGE, tensor(name="pixels"), "its datatype must be UINT8, not BYTES"),
        (
            IMAGE,
            tensor(name="pixels", datatype="UINT8", shape=[1], data=[1]),
            "its shape must be [n, height, width, 3]",
        ),
        (IMAGE, tensor(name="pixels", datatype="UINT8", shape=[1, 2, 2, 1], data=[1] * 4), "[n, height, width, 3]"),
        (IMAGE, tensor(name="pixels", datatype="UINT8", shape=[4, 1, 1, 3], data=[1] * 12), "it has 4 images"),
        (IMAGE, tensor(name="pixels", datatype="UINT8", shape=[1, 1, 1, 3], data=[1]), "its shape makes 3 elements"),
        (IMAGE, {**tensor(name="image", data=["SU1H"]), "parameters": {"threshold": 1}}, "'threshold' is not known"),
        (IMAGE, {**tensor(name="image", data=["SU1H"]), "parameters": {"explain": 1}}, "The parameter 'explain'"),
        (IMAGE, {**tensor(name="image", data=["SU1H"]), "parameters": {"explain_class": 1}}, "needs the parameter"),
        (
            IMAGE,
            {**tensor(name="image", data=["SU1H"]), "parameters": {"explain": True, "explain_class": 7}},
            "no class 7 to explain",
        ),
        (
            IMAGE,
            {**tensor(name="image", shape=[3], data=["SU1H"] * 3), "parameters": {"explain": True}},
            "3 images to explain; the limit is 2",
        ),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence_where_clients_look_for_it(client, path, body, words):
    assert words in refusal(await client.post(path, json=body))


async def test_binary_questions_must_be_text(client):
    body = binary("question", "BYTES", [1], pack_elements([b"\xff"]))
    assert "not text in UTF-8" in refusal(await client.post(FAQ, **body))


async def test_an_empty_image_is_refused(client):
    body = binary("image", "BYTES", [1], pack_elements([b""]))
    assert "image[0]' is empty" in refusal(await client.post(IMAGE, **body))


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"content-type": "text/html"}, 415, "Send JSON"),
        ({"content-encoding": "gzip"}, 415, "Content-Encoding"),
        ({"inference-header-content-length": "0"}, 422, "Inference-Header-Content-Length"),
        ({"inference-header-content-length": "9"}, 400, "not valid JSON"),
    ],
)
async def test_headers_that_do_not_fit_are_refused(client, headers, status, words):
    content = json.dumps(questions("a")).encode()
    assert words in refusal(await client.post(FAQ, content=content, headers=headers), status)


async def test_filled_up_places_count_as_rows(client, limits):
    limits["settings"] = IngressSettings(max_result_rows=5)
    assert "set 'top_k' to 2 or less" in refusal(await client.post(FAQ, json=questions("a", "b")))


async def test_a_clients_own_timeout_counts(client, faq):
    faq.gate.clear()
    response = await client.post(FAQ, json=questions("a", parameters={"timeout": 1}))
    assert "deadline" in refusal(response, 408)


async def test_a_full_queue_is_told(client, faq):
    faq.error = Overloaded("full")
    response = await client.post(FAQ, json=questions("a"))
    assert refusal(response, 503) == "full"
    assert response.headers["retry-after"] == "1"


@given(body=st.binary(max_size=100), length=st.none() | st.integers(0, 120))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_body_causes_a_server_error(client, body, length):
    headers = {} if length is None else {"inference-header-content-length": str(length)}
    for path in (FAQ, IMAGE):
        response = await client.post(path, content=body, headers=headers)
        assert 400 <= response.status_code < 500
        assert response.json()["error"].endswith(".")
