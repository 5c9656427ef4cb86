import email.utils
import math
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.client.errors import ConnectionFailed
from serve_app.client.retries import Retries, may_be_repeated, retry_after_seconds

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECONDS = st.floats(0, 3600)


@given(
    retry=st.integers(0, 10_000),
    first=SECONDS,
    most=SECONDS,
    retry_after=st.none() | SECONDS,
    drawn=st.floats(0, 1),
)
def test_pauses_never_come_before_what_the_service_says_and_grow_to_a_limit(retry, first, most, retry_after, drawn):
    first, most = sorted((first, most))
    ranges = []

    def uniform(low, high):
        ranges.append((low, high))
        return low + drawn * (high - low)

    pause = Retries(first_seconds=first, most_seconds=most).pause(retry, retry_after, uniform)
    ((low, high),) = ranges
    assert low == 0
    assert high <= most
    assert high == most or math.isclose(high, first * 2.0 ** min(retry, 1000))
    assert pause >= (retry_after or 0)
    assert pause <= (retry_after or 0) + most


def test_pauses_are_spread_over_the_whole_range():
    pauses = [Retries(first_seconds=1, most_seconds=8).pause(2, None) for _ in range(500)]
    assert min(pauses) < 1
    assert 3 < max(pauses) <= 4


@pytest.mark.parametrize(
    "wrong",
    [{"attempts": 0}, {"first_seconds": -1}, {"first_seconds": 2, "most_seconds": 1}, {"most_seconds": math.inf}],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="Retries need"):
        Retries(**wrong)


@pytest.mark.parametrize(
    ("status", "repeated"),
    [(429, True), (502, True), (503, True)]
    + [(status, False) for status in (200, 307, 400, 401, 403, 404, 408, 413, 415, 422, 424, 500, 504)],
)
def test_what_was_refused_for_the_moment_is_repeated_and_nothing_else(reply, status, repeated):
    assert may_be_repeated(reply(status)) is repeated


def test_a_connection_that_may_come_back_is_tried_again():
    assert may_be_repeated(ConnectionFailed("Refused."))
    assert not may_be_repeated(ConnectionFailed("Wrong certificate.", may_pass=False))


@given(st.integers(0, 10**6))
def test_retry_after_in_seconds(seconds):
    assert retry_after_seconds(httpx.Headers({"retry-after": str(seconds)})) == seconds


@given(ahead=st.integers(-(10**6), 10**6), offset=st.integers(-(10**8), 10**8))
def test_retry_after_as_a_date_is_read_by_the_clock_of_the_service(ahead, offset):
    date = NOW + timedelta(seconds=offset)
    headers = {
        "date": email.utils.format_datetime(date, usegmt=True),
        "retry-after": email.utils.format_datetime(date + timedelta(seconds=ahead), usegmt=True),
    }
    assert retry_after_seconds(httpx.Headers(headers)) == max(0, ahead)


def test_a_date_without_the_services_own_is_read_by_this_clock():
    later = datetime.now(UTC) + timedelta(hours=1)
    found = retry_after_seconds(httpx.Headers({"retry-after": email.utils.format_datetime(later, usegmt=True)}))
    assert 3500 < found <= 3600


@given(st.text(st.characters(max_codepoint=126, min_codepoint=32)))
def test_nonsense_is_no_retry_after(text):
    found = retry_after_seconds(httpx.Headers({"retry-after": text}))
    assert found is None or (found >= 0 and math.isfinite(found))


@pytest.mark.parametrize("text", ["", "-1", "soon", "1e9", "nan", "inf", "9999999999", "Fri, 99 Foo 2026"])
def test_what_is_neither_seconds_nor_a_date_is_none(text):
    assert retry_after_seconds(httpx.Headers({"retry-after": text})) is None
