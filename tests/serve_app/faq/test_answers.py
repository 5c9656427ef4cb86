import json

import pytest

from serve_app.client import UnexpectedResponse
from serve_app.faq import answers

WRONG_QUESTIONS = [
    b"",
    b"<html>",
    {},
    {"result": [], "matched": True},
    {"result": [[[1, 2]], "Computed"], "matched": True},
    {"result": [[[1, 2, "many"]], "Computed"], "matched": True},
    {"result": [[[1, 2, 0.5]], "Computed"]},
    {"result": [[[1, 2, 0.5]], "Computed"], "matched": True, "answers": []},
    {"result": [[[1, 2, 0.5]], "Computed"], "matched": True, "explanations": [{"terms": 1}]},
]


@pytest.mark.parametrize("content", WRONG_QUESTIONS)
def test_an_answer_of_another_form_is_told_without_its_content(reply, content):
    with pytest.raises(UnexpectedResponse, match="none that this client can read") as error:
        answers.read_question(reply(200, content))
    assert "html" not in str(error.value)
    assert "many" not in str(error.value)


@pytest.mark.parametrize("beside", [{"matched": [True]}, {"matched": [True, True], "answers": [None]}])
def test_answers_are_as_many_as_questions(reply, beside):
    with pytest.raises(UnexpectedResponse):
        answers.read_questions(reply(200, {"result": [[[], []], "Computed"], **beside}), 2)


def test_who_answered_and_where_time_went(reply):
    headers = {"x_model_name": "faq", "x_model_version": "2", "x_model_weights": "trained", "x_request_id": "r"}
    timing = 'infer;dur=1.25, total;dur=2, odd, gateway;desc="x";dur=4'
    content = {"result": [[], "Computed"], "matched": False}
    result = answers.read_question(reply(200, content, server_timing=timing, **headers))
    assert result.best is None
    assert (result.origin.model, result.origin.version, result.origin.weights) == ("faq", "2", "trained")
    assert result.origin.request_id == "r"
    assert result.origin.seconds == {"infer": 0.00125, "total": 0.002}


def test_json_of_other_numbers_than_the_type_says_is_no_surprise(reply):
    content = json.loads('{"result": [[["a", 2, 1]], "Computed"], "matched": true}')
    (match,) = answers.read_question(reply(200, content)).matches
    assert (match.id, match.answer_id, match.probability) == ("a", 2, 1.0)
