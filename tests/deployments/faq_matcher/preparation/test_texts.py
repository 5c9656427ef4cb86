import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.faq_matcher.preparation import texts
from deployments.faq_matcher.preparation.settings import PrepareSettings


def test_the_first_line_is_the_title():
    assert texts.title_and_body(" How\n to? ", "Tell me.\nNow.") == "How to?\nTell me.\nNow."
    assert texts.title_and_body("How?", "") == "How?"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("?! 🤷 +", "has no letters or digits"),
        ("four", "has fewer than 5 characters"),
        ("elevenchars", "has more than 10 characters"),
        ("right", None),
        ("日本語の質問", None),
        ("عربي 12", None),
    ],
)
def test_problems(text, said):
    assert texts.problem(text, PrepareSettings(min_length=5, max_length=10)) == said


@pytest.mark.parametrize(
    "same",
    [
        ["How do I...\nsort?", "how DO i sort", "  How, do I — sort!? "],
        ["Straße", "STRASSE"],
        ["「日本語」の文", "日本語 の文", "日本語、の文。"],
    ],
)
def test_case_whitespace_and_punctuation_do_not_tell_texts_apart(same):
    assert len({texts.digest(text) for text in same}) == 1


@pytest.mark.parametrize(
    ("one", "other"), [("a b", "ab"), ("x = y", "x + y"), ("กา", "กี"), ("C++", "C"), ("1", "2"), ("é", "e")]
)
def test_other_differences_do(one, other):
    assert texts.digest(one) != texts.digest(other)


@given(st.text())
def test_a_digest_is_64_bits_and_does_not_depend_on_what_came_before(text):
    assert -(2**63) <= texts.digest(text) < 2**63
    assert texts.digest(text) == texts.digest(f" {text}?\n")
