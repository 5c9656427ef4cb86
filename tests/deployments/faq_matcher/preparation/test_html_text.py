import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.faq_matcher.preparation.html_text import UnreadableHtml, in_lines, looks_like_html, to_text


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", ""),
        ("<p></p>", ""),
        ("plain\ntext", "plain text"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("<p>one\n  and a half</p>\n\n\n<p>two</p>", "one and a half\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<ul><li>one</li><li>two <b>bo</b>ld</li></ul>after", "one\ntwo bold\nafter"),
        ("before<h2>Title</h2>after", "before\nTitle\nafter"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("a &lt; b &amp;&amp; c &gt;= d &#233; &nbsp; &euro;", "a < b && c >= d é €"),
        ("<p>open <b>tags <i>and <p>so on", "open tags and\nso on"),
        ("see <a href='x?a=1&b=2' title='a > b'>this</a><img src=x alt='enter description'>", "see this"),
        ("text<script>let a</script><style>b</style><!-- c --><template>d</template>", "text"),
        ("a < b, c > d", "a < b, c > d"),
        ("</div></p>stray</body>", "stray"),
        ("日本語<b>の</b>文 🤷🏽‍♀️", "日本語の文 🤷🏽‍♀️"),
    ],
)
def test_plain_text_of_html(written, expected):
    assert to_text(written) == expected


CODE = "<p>Why does <code>x == y</code> fail?</p><pre><code>if x &lt; y:\n    pass\n</code></pre><p>Thanks</p>"


def test_code_blocks_stay_or_go_and_inline_code_stays():
    assert to_text(CODE) == "Why does x == y fail?\nif x < y:\npass\nThanks"
    assert to_text(CODE, code_blocks=False) == "Why does x == y fail?\nThanks"


@pytest.mark.parametrize(
    "hostile",
    [
        "<div>" * 100_000,
        "<b>" * 100_000,
        "".join(f"<b x={number}><p>" for number in range(5_000)) + "</p></b>" * 5_000,
        "".join(f"<b x={number}></x>" for number in range(5_000)),
        "x" * 1_000_001,
    ],
)
def test_refuses_what_would_take_a_parser_minutes(hostile):
    with pytest.raises(UnreadableHtml, match="has more than"):
        to_text(hostile)


@pytest.mark.parametrize("end", [">text", ""])
def test_attributes_without_end_do_no_harm(end):
    attributes = " ".join(f"a{number}" for number in range(100_000))
    assert to_text(f"before <a {attributes}{end}").startswith("before")


def test_paragraphs_and_items_need_no_end_tags():
    assert to_text("<p>a" * 1_000 + "<ul>" + "<li>b" * 1_000) == "\n".join(["a"] * 1_000 + ["b"] * 1_000)


def test_many_closed_tags_are_no_hindrance():
    assert to_text("<b>x</b> " * 10_000) == " ".join(["x"] * 10_000)


def test_characters_that_are_none_become_spaces():
    assert in_lines("a\0b\x07c\ud800d\x85e\r\nf") == "a b c d e\nf"
    assert in_lines("\0a\tb \x1f\n\x7f\n  c") == "a b\nc"
    assert to_text("a\0b&#0;c<p>d\ud800e") == "a b�c\nd e"


def test_tells_html_from_text_that_mentions_tags():
    assert looks_like_html(["<p>How?</p>", "Where?", "When?<br>Then?"])
    assert not looks_like_html(["What is the <s> tag for?", "How does <del> ... </del> look?", "a < b"])
    assert not looks_like_html([])


plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)


@given(plain)
def test_escaped_text_comes_back(text):
    assert to_text(f"<p>{html.escape(text)}</p>").split() == text.split()


@given(st.lists(plain.filter(lambda text: text.split()), max_size=6))
def test_a_line_for_each_paragraph(paragraphs):
    written = "\n".join(f"<p>{html.escape(text)}</p>" for text in paragraphs)
    assert len(to_text(written).splitlines()) >= len(paragraphs)
    assert to_text(written).count("\n") == max(0, len(paragraphs) - 1)


pieces = st.lists(
    st.sampled_from(
        ["<", ">", "&", "<p>", "</p>", "<pre>", "</pre>", "<b x='", "<!--", "&amp;", "<table>", "<td>", " ", "\n", "é"]
    )
    | st.text(max_size=3).filter(lambda text: text.isprintable()),
    max_size=40,
).map("".join)


@given(pieces, st.booleans())
@settings(max_examples=200)
def test_any_markup_gives_tidy_lines(written, code_blocks):
    text = to_text(written, code_blocks=code_blocks)
    assert not re.search(r"^\s|\s$|\n\s|\s\n|  ", text)
