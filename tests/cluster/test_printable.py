import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.printable import one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \u00e4\u4f60\ttab\nline", "plain \u00e4\u4f60\ttab\nline"),
        ("\x1b[36mblue\x1b[0m", "blue"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b[2Jgone\rover", r"\x1b[2Jgone\rover"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\x9b2J", r"\x9b2J"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_told_by_its_code(text, shown):
    assert printable(text) == shown


@given(st.text(st.characters(), max_size=80))
def test_any_text_can_be_written_and_has_no_control_characters(text):
    shown = printable(text)
    shown.encode()
    assert not [each for each in shown if unicodedata.category(each) in {"Cc", "Cs"} and each not in "\t\n"]
    assert printable(shown) == shown


@given(st.text(st.characters(), max_size=80))
def test_one_line_is_one(text):
    assert len(one_line(text).splitlines()) <= 1
    assert len(one_line(text * 9, 20)) <= 23
