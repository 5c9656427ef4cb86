import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.client import errors, readings
from serve_app.client.errors import ServiceError
from serve_app.client.steps import Reply


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
