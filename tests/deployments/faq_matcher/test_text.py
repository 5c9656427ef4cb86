import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.faq_matcher.text import CODE_POINTS, code_points, folded, has_words, word_characters

any_text = st.text(st.characters() | st.characters(categories=["Cs", "Mn", "Nd", "Lo"]), max_size=40)


def test_word_characters_are_all_letters_digits_and_marks():
    table = word_characters()
    assert table.shape == (CODE_POINTS,)
    for code in range(CODE_POINTS):
        character = chr(code)
        is_mark = unicodedata.category(character)[0] == "M"
        expected = character.isalnum() or character == "_" or is_mark
        if code >= 0xE0100 and is_mark:
            assert unicodedata.name(character).startswith("VARIATION SELECTOR-")
            expected = False
        assert table[code] == expected, hex(code)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("HELLO", "hello"),
        ("STRASSE", "straße"),
        ("ﬁle", "file"),
        ("\uff26\uff55\uff4c\uff4c", "full"),
        ("e\u0301", "É"),
        ("①", "1"),
        ("Ⅳ", "iv"),
    ],
)
def test_case_and_form_make_no_difference(text, same):
    assert folded(text) == folded(same)


@given(any_text)
def test_folding_is_normalization_and_case(text):
    assert folded(text) == unicodedata.normalize("NFKC", text).casefold()


@given(any_text)
def test_code_points_are_those_of_the_folded_text(text):
    codes = code_points(text)
    assert codes.dtype == np.uint32
    assert codes.tolist() == [ord(character) for character in folded(text)]


@pytest.mark.parametrize(
    ("text", "has"), [("a", True), ("?!4", True), ("你", True), ("", False), ("👍 ?!_\0\ud800", False)]
)
def test_a_text_has_words_where_it_has_letters_or_digits(text, has):
    assert has_words(text) is has
