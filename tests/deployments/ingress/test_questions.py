import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployments.contracts import Question
from deployments.errors import Overloaded
from deployments.ingress.settings import IngressSettings

ROWS = [[7, 70, 0.5], [8, 80, 0.3], [9, 90, 0.2]]


async def answered(client, **body):
    response = await client.post("/faq/score", json=body)
    assert response.status_code == 200, response.text
    content = response.json()
    result, computed = content.pop("result")
    assert computed.startswith("Computed in ")
    return result, content


async def refused(client, body):
    content = body if isinstance(body, bytes) else json.dumps(body)
    response = await client.post("/faq/score", content=content, headers={"content-type": "application/json"})
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return response.json()["detail"]


async def test_all_that_a_question_may_ask_for_goes_to_the_model(client, faq):
    await answered(client, input="x", top_k=2, threshold=0.25, explain=True, answers=True)
    await answered(client, input="x", threshold="trained")
    await answered(client, input="x", threshold=1)
    assert faq.items == [Question("x", 2, 0.25, True, True), Question("x", None, "trained"), Question("x", None, 1.0)]


@pytest.mark.parametrize(
    ("threshold", "kept"), [(None, 3), (0, 3), (0.25, 2), ("trained", 1), (0.5, 1), (0.51, 0), (1, 0)]
)
async def test_matches_below_the_threshold_are_left_out_and_the_answer_says_whether_any_is_left(
    client, threshold, kept
):
    result, beside = await answered(client, input="x", threshold=threshold)
    assert result == ROWS[:kept]
    assert beside == {"matched": kept > 0}


async def test_answers_stand_beside_their_matches(client):
    assert await answered(client, input="x", answers=True) == (
        ROWS,
        {"matched": True, "answers": ["Seven.", None, "Nine."]},
    )
    assert await answered(client, input="x", answers=True, threshold=0.9) == ([], {"matched": False, "answers": []})


async def test_explanations_stand_beside_their_matches(client):
    _, beside = await answered(client, input="start", explain=True, top_k=2)
    explanation = {"terms": [["start", 1.5]], "other": -0.5, "score": 1.0}
    assert beside == {"matched": True, "explanations": [explanation, explanation]}


async def test_several_questions_are_answered_in_their_order(client, faq):
    result, beside = await answered(client, input=["a", "b"], top_k=1, answers=True, explain=True)
    assert result == [ROWS[:1], ROWS[:1]]
    assert beside["matched"] == [True, True]
    assert beside["answers"] == [["Seven."], ["Seven."]]
    assert [told[0]["terms"][0][0] for told in beside["explanations"]] == ["a", "b"]
    assert [question.text for question in faq.items] == ["a", "b"]


async def test_a_list_of_one_is_answered_as_a_list(client):
    assert await answered(client, input=["x"], threshold=0.9) == ([[]], {"matched": [False]})


async def test_each_response_says_where_the_time_of_all_its_questions_went(client):
    response = await client.post("/faq/score", json={"input": ["a", "b"]})
    steps = [part.split(";")[0] for part in response.headers["server-timing"].split(", ")]
    assert steps == ["infer", "queue", "total"]
    assert response.headers["x-model-weights"] == "trained"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"input": []}, "The field 'input' is not valid: list should have at least 1 item after validation, not 0."),
        ({"input": ["a", 3, 4]}, "The field 'input[1]' is not valid: input should be a valid string."),
        (
            {"input": {"a": "x"}},
            "The field 'input' is not valid: input should be a valid string, or input should be a valid array.",
        ),
        ({"input": ["x"] * 6}, "The field 'input' has 6 questions; the limit is 5."),
        ({"input": ["a", "b", "c", " "]}, "input[3]: The text is empty."),
        ({"input": [""]}, "input[0]: The text is empty."),
        ({"input": ""}, "The text is empty."),
        (
            {"input": "x", "threshold": 1.5},
            "The field 'threshold' is not valid: input should be less than or equal to 1.",
        ),
        (
            {"input": "x", "threshold": -0.1},
            "The field 'threshold' is not valid: input should be greater than or equal to 0.",
        ),
        (
            {"input": "x", "threshold": "high"},
            "The field 'threshold' is not valid: input should be a valid number, or input should be 'trained'.",
        ),
        (
            b'{"input": "x", "threshold": NaN}',
            "The field 'threshold' is not valid: input should be a finite number.",
        ),
        (
            {"input": "x", "threshold": True},
            "The field 'threshold' is not valid: input should be a valid number, or input should be 'trained'.",
        ),
        ({"input": "x", "top_k": 0}, "The field 'top_k' is not valid: input should be greater than or equal to 1."),
        ({"input": "x", "explain": 1}, "The field 'explain' is not valid: input should be a valid boolean."),
        ({"input": "x", "answers": "yes"}, "The field 'answers' is not valid: input should be a valid boolean."),
        (
            {"input": "x", "explanations": True},
            "The field 'explanations' is not known; known are top_k, threshold, explain, answers, input.",
        ),
        ({"top_k": 1}, "The field 'input' is missing."),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence_that_names_the_field(client, body, detail):
    assert await refused(client, body) == detail


async def test_the_model_is_not_asked_when_there_are_too_many_questions(client, faq):
    await refused(client, {"input": ["x"] * 6})
    assert faq.items == []


async def test_a_response_has_a_limited_number_of_rows(client, limits):
    limits["settings"] = IngressSettings(max_result_rows=6)
    assert len((await answered(client, input=["x"] * 2))[0]) == 2
    detail = await refused(client, {"input": ["x"] * 3})
    assert detail == "The result has more rows than the limit of 6; set 'top_k' to 2 or less."
    assert len((await answered(client, input=["x"] * 3, top_k=2))[0]) == 3
    detail = await refused(client, {"input": ["x"] * 7, "top_k": 1})
    assert detail == "The result has more rows than the limit of 6; ask at most 6 questions at once."
    limits["settings"] = IngressSettings(max_result_rows=2)
    detail = await refused(client, {"input": "x"})
    assert detail == "The result has more rows than the limit of 2; set 'top_k' to 2 or less."


async def test_a_model_that_is_overloaded_refuses_the_whole_list(client, faq):
    faq.error = Overloaded("The queue of this model is full; try again shortly.")
    response = await client.post("/faq/score", json={"input": ["a", "b"]})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["detail"] == faq.error.message


async def test_an_unexpected_error_of_one_question_shows_nothing_of_itself(client, faq):
    faq.error = RuntimeError("password=hunter2")
    response = await client.post("/faq/score", json={"input": ["a", "b"]})
    assert response.status_code == 500
    assert "hunter2" not in response.text


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = {
    "input": st.text(min_size=1) | st.lists(st.text(min_size=1), min_size=1, max_size=5),
    "top_k": st.none() | st.integers(1, 4),
    "threshold": st.none() | st.floats(0, 1) | st.just("trained"),
    "explain": st.booleans(),
    "answers": st.booleans(),
}


@st.composite
def bodies(draw):
    """A request with some fields right and some with any JSON value at all."""
    wrong = draw(st.sets(st.sampled_from([*FIELDS, "other"]), max_size=2))
    body = {name: draw(values) for name, values in FIELDS.items() if draw(st.booleans()) or name == "input"}
    return {**body, **{name: draw(ANY_JSON) for name in wrong}}


@given(body=bodies() | ANY_JSON)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_json_is_answered_or_refused_with_a_sentence(client, body):
    response = await client.post("/faq/score", content=json.dumps(body), headers={"content-type": "application/json"})
    assert response.status_code in {200, 400, 422}, response.text
    if response.status_code == 200:
        matched = response.json()["matched"]
        assert len(matched) == len(body["input"]) if isinstance(body["input"], list) else matched in {True, False}
    else:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"].endswith(".")


@given(**FIELDS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_list_is_answered_as_each_of_its_questions_alone(client, input, **wishes):  # noqa: A002
    texts = [text for text in ([input] if isinstance(input, str) else input) if text.strip()] or ["x"]
    result, beside = await answered(client, input=texts, **wishes)
    for place, text in enumerate(texts):
        alone = await answered(client, input=text, **wishes)
        assert alone == (result[place], {name: told[place] for name, told in beside.items()})
