import contextlib
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.errors import StartupError
from deployments.faq_matcher.preparation import xml_rows
from deployments.faq_matcher.preparation.xml_rows import XmlRows

GOOD = """<?xml version="1.0" encoding="utf-8"?>
<posts>
  <row Id="1" Body="a&#xA;&lt;b&gt; é" />

  <row Id="2" />
</posts>"""


@pytest.fixture
def read(tmp_path):
    def read(content, *, accept_truncated=False):
        path = tmp_path / "Posts.xml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        sizes = []
        rows = XmlRows(path, "posts", accept_truncated=accept_truncated, advance=sizes.append)
        found = list(rows)
        assert sum(sizes) == path.stat().st_size
        return found, rows

    return read


def refusal(read, content, **options):
    with pytest.raises(StartupError) as caught:
        read(content, **options)
    assert "\n" not in str(caught.value)
    assert "Posts.xml, line " in str(caught.value)
    return str(caught.value)


def test_rows_have_their_lines(read):
    found, rows = read(GOOD)
    assert found == [(3, {"Id": "1", "Body": "a\n<b> é"}), (5, {"Id": "2"})]
    assert (rows.rows, rows.truncated) == (2, None)
    assert rows.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()


def test_a_byte_order_mark_and_utf_16_are_read(read):
    assert len(read("\ufeff" + GOOD)[0]) == 2
    assert len(read(GOOD.replace("utf-8", "utf-16").encode("utf-16"))[0]) == 2


def test_chunks_may_end_anywhere(read, monkeypatch):
    expected = read(GOOD)[0]
    for size in range(1, 12):
        monkeypatch.setattr(xml_rows, "_CHUNK_BYTES", size)
        assert read(GOOD)[0] == expected


@pytest.mark.parametrize("end", range(GOOD.index("\n\n"), len(GOOD)))
def test_a_dump_that_breaks_off_is_refused_or_taken_so_far(read, end):
    sentence = refusal(read, GOOD[:end])
    assert "breaks off at column " in sentence
    assert sentence.endswith("--accept-truncated.")
    found, rows = read(GOOD[:end], accept_truncated=True)
    assert len(found) == (1 if end < GOOD.index("\n</posts>") else 2)
    assert rows.truncated is not None
    assert "breaks off" in str(rows.truncated.error())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "line 1, column 1 is no XML (no element found)"),
        ("<posts>\n  <row Id='1'", "line 2, column 3 is no XML (unclosed token)"),
        ("<posts>\n  <row Id='1\0' /></posts>", "line 2, column 13 is no XML (not well-formed (invalid token))"),
        ("<posts>\n<row Id='&#0;' /></posts>", "line 2, column 10 is no XML (reference to invalid character number)"),
        (b"<posts>\n<row Id='\xff' /></posts>", "line 2, column 10 is no XML (not well-formed (invalid token))"),
        ("<posts>\n<row Id='1' /></post>", "line 2, column 17 is no XML (mismatched tag)"),
        ("<posts></posts>\n<posts></posts>", "line 2, column 1 is no XML (junk after document element)"),
        ("<!DOCTYPE posts [<!ENTITY a 'b'>]>\n<posts></posts>", "has a document type, which no dump has"),
        ("<comments></comments>", "column 1 has <comments> where <posts>"),
        ("<posts>\n <post/></posts>", "line 2, column 2 has <post> where <row>"),
        ("<posts><row><row/></row></posts>", "has <row> inside a row"),
        ("PK\3\4 an archive", "line 1, column 3 is no XML"),
    ],
)
def test_refuses_what_is_no_dump(read, content, said):
    assert said in refusal(read, content, accept_truncated=True)


def test_refuses_a_row_that_never_ends(read, monkeypatch):
    monkeypatch.setattr(xml_rows, "_MAX_ROW_BYTES", 1_000)
    monkeypatch.setattr(xml_rows, "_CHUNK_BYTES", 100)
    assert "line 2, column 1 begins a row of more than 1,000 bytes" in refusal(read, "<posts>\n<row Id='" + "1" * 5_000)
    assert len(read("<posts>" + "\n<row Id='1' />" * 1_000 + "</posts>")[0]) == 1_000


def test_a_megabyte_of_text_is_read(read):
    ((_, values),) = read(f"<posts><row Body='{'x' * 3_000_000}' /></posts>")[0]
    assert len(values["Body"]) == 3_000_000


@given(
    st.lists(st.sampled_from(["<posts>", "<row ", "Id='1'", "/>", "</posts>", "\n", "&amp;", "é", "\0"]), max_size=12)
)
@settings(max_examples=100)
def test_reads_or_refuses_anything(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("dump") / "Posts.xml"
    path.write_text("".join(parts))
    rows = XmlRows(path, "posts", accept_truncated=True, advance=lambda _: None)
    with contextlib.suppress(StartupError):
        assert len(list(rows)) == rows.rows
