import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.codecs import json_bodies
from deployments.errors import InvalidInput

JSON = {"content-type": "application/json"}
LIMIT = 20
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=60,
)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(json_bodies, "MAX_VALUES", LIMIT)


def values_of(content):
    """How many values a document holds beside itself."""
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    return sum(1 + values_of(each) for each in inner)


@given(content=VALUES)
def test_no_document_of_more_values_than_the_limit_is_read(content):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(json_bodies, "MAX_VALUES", LIMIT)
        body = json.dumps(content).encode()
        if values_of(content) > LIMIT:
            with pytest.raises(InvalidInput, match=f"limit of {LIMIT}"):
                json_bodies.parse_any(body)
        elif len(body) <= LIMIT:
            assert json_bodies.parse_any(body) == content


@pytest.mark.parametrize(
    "path",
    [
        "/score",
        "/faq/score",
        "/image/score",
        "/faq/versions/2/score",
        "/api/v1/service/faq/score",
        "/api/v1/service/image/score",
        "/v2/models/faq/infer",
    ],
)
@pytest.mark.parametrize("value", ["0,", "[],", "{},"])
async def test_every_route_refuses_a_body_of_too_many_values(client, few, path, value):
    body = '{"other": [' + value * LIMIT + '0], "input": "x"}'
    response = await client.post(path, content=body, headers=JSON)
    assert response.status_code == 422
    assert response.json()["detail"].startswith("The JSON holds more values than the limit of 20;")


@pytest.mark.parametrize("texts", [["x" * 1000], ["x"] * 5])
async def test_a_long_body_of_few_values_is_answered(client, few, texts):
    assert (await client.post("/faq/score", json={"input": texts})).status_code == 200
