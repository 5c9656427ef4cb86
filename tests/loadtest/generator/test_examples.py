import json

import pytest

from loadtest.errors import BenchmarkError
from loadtest.generator.examples import Service
from loadtest.generator.load_kinds import Sources
from loadtest.generator.scenarios import scenarios

EXAMPLE = {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["to be"]}], "parameters": {"n": 1}}


@pytest.fixture
def build(server):
    server.descriptions = {
        "/v2/models/words": json.dumps({"name": "words", "example": {"request": EXAMPLE}}).encode(),
        "/v2/models/words/versions/2": json.dumps({"example": {"request": {"inputs": []}}}).encode(),
        "/v2/models/odd": b"<html>",
        "/v2/models/other": None,
    }
    service = Service(server.url, {"x-api-key": "secret"})
    return lambda text, **more: scenarios([text], Sources(), service=service, **more)[0]


def test_any_model_is_sent_its_own_example(build, server):
    found = build("infer:words=2", with_bad=True)
    assert (found.name, found.weight) == ("infer:words", 2)
    (request,) = found.requests
    assert (request.method, request.path) == ("POST", "/v2/models/words/infer")
    assert json.loads(request.body) == EXAMPLE
    assert len(found.bad_requests) == 4
    ((path, headers),) = server.asked
    assert (path, {name.lower(): value for name, value in headers.items()}["x-api-key"]) == (
        "/v2/models/words",
        "secret",
    )


def test_a_version_may_be_named(build):
    (request,) = build("infer:words/2").requests
    assert request.path == "/v2/models/words/versions/2/infer"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("infer:other", "does not describe the model 'other': it answers 404"),
        ("infer:silent", "'silent' gives no example"),
        ("infer:odd", "does not describe models"),
        ("infer:", "must be infer:NAME"),
    ],
)
def test_a_model_without_an_example_is_told(build, text, said):
    with pytest.raises(BenchmarkError, match=said):
        build(text)


def test_a_service_that_is_not_there_is_told():
    with pytest.raises(BenchmarkError, match="Nothing answers at http://127"):
        scenarios(["infer:words"], Sources(), service=Service("http://127.0.0.1:1"))
