import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.client import errors, readings
from serve_app.client.errors import ServiceError, UnexpectedResponse
from serve_app.client.steps import Reply

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
        readings.read_question(reply(200, content))
    assert "html" not in str(error.value)
    assert "many" not in str(error.value)


@pytest.mark.parametrize("beside", [{"matched": [True]}, {"matched": [True, True], "answers": [None]}])
def test_answers_are_as_many_as_questions(reply, beside):
    with pytest.raises(UnexpectedResponse):
        readings.read_questions(reply(200, {"result": [[[], []], "Computed"], **beside}), 2)


@pytest.mark.parametrize("classes", [{}, {"b": []}, {"a": [], "b": []}])
def test_answers_are_for_the_images_that_were_sent(reply, classes):
    with pytest.raises(UnexpectedResponse):
        readings.read_images(reply(200, {"result": [classes, "Computed"]}), ["a"])


def test_a_heat_map_that_is_no_base64_is_unexpected(reply):
    told = {"class_index": 1, "label": "a", "probability": 1, "method": "occlusion", "grid": [[1]], "heat_map_png": "?"}
    content = {"result": [{"image": [["a", 1.0]]}, "Computed"], "explanations": {"image": told}}
    with pytest.raises(UnexpectedResponse, match="base64"):
        readings.read_image(reply(200, content))


@pytest.mark.parametrize("status", [*errors.BY_STATUS, 418, 499, 500, 302])
def test_every_error_says_what_the_service_says(problem, status):
    error = readings.error_of(problem(status, retry_after="3"))
    assert type(error) is errors.BY_STATUS.get(status, ServiceError)
    assert (error.status, error.type, error.title) == (status, "about:blank", "Title")
    assert (error.detail, error.code, error.request_id) == ("One sentence.", "some_code", "r-1")
    assert error.retry_after_seconds == 3


@pytest.mark.parametrize("page", [b"", b"<html>Bearer k-1</html>", b"[]", b"{}", b'{"detail": 1}', b"\xff"])
def test_a_gateways_page_is_not_repeated(reply, page):
    error = readings.error_of(reply(502, page, x_request_id="r-2"))
    assert str(error) == ("The service, or a gateway before it, answered 502 and did not say why. (502, request r-2)")


@given(st.binary(max_size=200))
def test_no_body_of_an_error_breaks_the_client(body):
    error = readings.error_of(Reply(500, httpx.Headers(), body))
    assert error.status == 500


def test_who_answered_and_where_time_went(reply):
    headers = {"x_model_name": "faq", "x_model_version": "2", "x_model_weights": "trained", "x_request_id": "r"}
    timing = 'infer;dur=1.25, total;dur=2, odd, gateway;desc="x";dur=4'
    content = {"result": [[], "Computed"], "matched": False}
    result = readings.read_question(reply(200, content, server_timing=timing, **headers))
    assert result.best is None
    assert (result.origin.model, result.origin.version, result.origin.weights) == ("faq", "2", "trained")
    assert result.origin.request_id == "r"
    assert result.origin.seconds == {"infer": 0.00125, "total": 0.002}


def test_json_of_other_numbers_than_the_type_says_is_no_surprise(reply):
    content = json.loads('{"result": [[["a", 2, 1]], "Computed"], "matched": true}')
    (match,) = readings.read_question(reply(200, content)).matches
    assert (match.id, match.answer_id, match.probability) == ("a", 2, 1.0)
