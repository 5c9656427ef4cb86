import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.errors import Unauthenticated
from deployments.ingress.access.credentials import MAX_CHARACTERS, credential_of

VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)
NAMES = st.sampled_from([b"authorization", b"x-api-key", b"api-key", b"x-other", b"cookie"])


@pytest.mark.parametrize(
    "header",
    [
        (b"authorization", b"Bearer abc"),
        (b"authorization", b"bearer abc"),
        (b"authorization", b"BEARER   abc \t"),
        (b"x-api-key", b"abc"),
        (b"api-key", b" abc"),
    ],
)
def test_each_header_brings_it(header):
    assert credential_of([(b"host", b"x"), header]) == "abc"


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ([], "This needs a key"),
        ([(b"cookie", b"abc")], "This needs a key"),
        ([(b"authorization", b"Basic YTpi")], "not Bearer"),
        ([(b"authorization", b"abc")], "not Bearer"),
        ([(b"authorization", b"Bearer")], "cannot be read"),
        ([(b"authorization", b"Bearer ")], "cannot be read"),
        ([(b"authorization", b"Bearer a b")], "cannot be read"),
        ([(b"authorization", b"")], "not Bearer"),
        ([(b"x-api-key", b"")], "cannot be read"),
        ([(b"x-api-key", b"a\x00b")], "cannot be read"),
        ([(b"x-api-key", "schlüssel".encode())], "cannot be read"),
        ([(b"x-api-key", b"a" * (MAX_CHARACTERS + 1))], "too long"),
        ([(b"authorization", b"Bearer abc"), (b"authorization", b"Bearer abc")], "more than one"),
        ([(b"authorization", b"Bearer abc"), (b"x-api-key", b"abc")], "more than one"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(headers, words):
    with pytest.raises(Unauthenticated, match=words) as raised:
        credential_of(headers)
    assert raised.value.challenge.startswith('Bearer realm="scoring"')


def test_only_what_was_shown_is_called_invalid():
    for headers, invalid in (([], False), ([(b"x-api-key", b"a b")], True)):
        with pytest.raises(Unauthenticated) as raised:
            credential_of(headers)
        assert ('error="invalid_token"' in raised.value.challenge) is invalid


@given(VISIBLE)
def test_what_is_visible_arrives_as_it_was_sent(text):
    assert credential_of([(b"authorization", b"Bearer " + text.encode())]) == text
    assert credential_of([(b"x-api-key", text.encode())]) == text


@given(st.lists(st.tuples(NAMES, st.binary(max_size=60)), max_size=4))
def test_whatever_headers_hold_one_visible_text_or_a_refusal_comes_out(headers):
    try:
        found = credential_of(headers)
    except Unauthenticated:
        return
    assert found.isascii()
    assert found.isprintable()
    assert " " not in found
    assert sum(name in {b"authorization", b"x-api-key", b"api-key"} for name, _ in headers) == 1
