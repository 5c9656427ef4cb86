import base64
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.ingress.access import keys
from deployments.ingress.access.keys import Key, new_key, parse_key, stored

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_key_holds_32_random_bytes_and_is_read_again():
    key = new_key()
    assert parse_key(key.text) == key
    assert len(base64.urlsafe_b64decode(key.secret + "=")) == 32
    assert len({new_key().text for _ in range(50)}) == 50


def test_what_is_stored_is_a_salted_hash_that_only_the_key_has():
    key = new_key()
    kept = stored(key, NOW)
    assert key.secret not in kept.model_dump_json()
    assert kept.hash == hmac.new(bytes.fromhex(kept.salt), key.secret.encode(), "sha256").hexdigest()
    assert stored(key, NOW).hash != kept.hash
    assert kept.is_of(key.secret)
    assert not kept.is_of(new_key().secret)
    assert not kept.is_of("")


def test_a_secret_is_compared_in_constant_time_and_in_full(monkeypatch):
    compared = []

    def compare_digest(a, b):
        compared.append((a, b))
        return a == b

    monkeypatch.setattr(keys.hmac, "compare_digest", compare_digest)
    key = new_key()
    kept = stored(key, NOW)
    assert kept.is_of(key.secret)
    assert not kept.is_of(new_key().secret)
    assert [(len(a), b) for a, b in compared] == [(64, kept.hash)] * 2


def test_a_secret_is_not_shown_in_a_representation():
    key = new_key()
    assert key.secret not in repr(key)
    assert key.secret not in str([key])


@given(st.from_regex(r"scoring_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", fullmatch=True))
def test_everything_of_the_form_is_read(text):
    key = parse_key(text)
    assert key is not None
    assert key.text == text


@given(st.text() | st.from_regex(r"scoring_[0-9a-f]{15,17}_[A-Za-z0-9_-]{42,44}\s?"))
def test_what_is_read_is_exactly_what_was_written(text):
    key = parse_key(text)
    assert key is None or key.text == text


@pytest.mark.parametrize("end", ["\n", " ", "\x00", "=", "é"])
def test_a_key_with_something_after_it_is_none(end):
    assert parse_key(Key("0" * 16, "a" * 43).text + end) is None


@given(st.data())
def test_no_other_secret_is_taken(data):
    letters = "abcXYZ019_-"
    key = Key("0" * 16, data.draw(st.text(letters, min_size=43, max_size=43)))
    kept = stored(key, NOW)
    place = data.draw(st.integers(0, 42))
    other = data.draw(st.sampled_from(letters).filter(lambda letter: letter != key.secret[place]))
    assert not kept.is_of(key.secret[:place] + other + key.secret[place + 1 :])
