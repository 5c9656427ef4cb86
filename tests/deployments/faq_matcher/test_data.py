import contextlib
import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.errors import StartupError
from deployments.faq_matcher.data import (
    Answer,
    Duplicate,
    FaqData,
    Original,
    read_faq,
    read_labelled,
    read_prepared,
)
from deployments.faq_matcher.table import BadRow, iterate_rows

QUESTIONS = "Id\tAnswerId\tText0\n1\t101\tHow?\n2\t201\tWhere?\n"
DUPLICATES = "Id\tAnswerId\tText0\n11\t101\tIn which way?\n"
ANSWERS = "Id\tQuestionId\tText0\n101\t1\tThus.\n201\t2\tThere.\n"


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / f"{name}.tsv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refusal(*paths):
    with pytest.raises(StartupError) as caught:
        read_faq(*paths)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_reads_all_three_files(write):
    data = read_faq(write("q", QUESTIONS), write("d", DUPLICATES), write("a", ANSWERS))
    assert data.originals == (Original(1, 101, "How?"), Original(2, 201, "Where?"))
    assert data.duplicates == (Duplicate(11, 101, "In which way?"),)
    assert data.answers == (Answer(101, 1, "Thus."), Answer(201, 2, "There."))


def test_reads_windows_line_ends_byte_order_mark_quotes_and_blank_lines(write):
    content = '\ufeffId\tAnswerId\tText0\r\n\r\n1\t101\t"Say ""hello""\tto\r\nall"\r\n\r\n'
    assert read_faq(write("q", content)).originals == (Original(1, 101, 'Say "hello"\tto\r\nall'),)


def test_ignores_other_columns_and_their_order(write):
    content = "Text\tText0\tId\tAnswerId\nignored\tHow?\t1\t101\n"
    assert read_faq(write("q", content)).originals == (Original(1, 101, "How?"),)


@pytest.mark.parametrize("written", ["007", "a", "1.0", "9" * 19, "+1", "-0", "1_0", "٣"])
def test_ids_stay_text_where_one_is_no_plain_integer(write, written):
    data = read_faq(write("q", f"Id\tAnswerId\tText0\n1\t101\tHow?\n{written}\t201\tWhere?\n"))
    assert [original.id for original in data.originals] == ["1", written]
    assert [original.answer_id for original in data.originals] == [101, 201]


def test_ids_that_name_the_same_have_the_same_type(write):
    answers = "Id\tQuestionId\tText0\nx\t1\tThus.\n"
    data = read_faq(write("q", QUESTIONS), None, write("a", answers))
    assert data.answers == (Answer("x", 1, "Thus."),)
    assert [original.answer_id for original in data.originals] == ["101", "201"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("Id\tAnswerId\tText0\n", "holds no question"),
        ("Id\tText0\n1\tHow?\n", "line 1 lacks the column AnswerId"),
        ("Id,AnswerId,Text0\n1,101,How?\n", "line 1 lacks the column Id, AnswerId, Text0"),
        (QUESTIONS + "3\t301\t \n", "line 4: Text0 is empty"),
        (QUESTIONS + "\t301\tWhy?\n", "line 4: Id is empty"),
        (QUESTIONS + "3\t\tWhy?\n", "line 4: AnswerId is empty"),
        (QUESTIONS + "3\t301\t?!\n", "line 4: Text0 has no letters or digits"),
        (QUESTIONS + "\n1\t301\tWhy?\n", "line 5: Id is '1' again, as in line 2"),
        (QUESTIONS + "3\t301\n", "line 4 has 2 columns where the header has 3"),
        (QUESTIONS + "3\t301\tWhy\tnot?\n", "line 4 has 4 columns where the header has 3"),
        (QUESTIONS + '3\t301\t"Why?\n', "line 4 is not well formed"),
        (QUESTIONS + '3\t301\t"Why" not?\n', "line 4 is not well formed"),
        (QUESTIONS + f"3\t301\t{'x' * 200_000}\n", "line 4 is not well formed"),
        (QUESTIONS + "3\t301\tWhy\0?\n", "line 4: Text0 holds a NUL byte"),
        (QUESTIONS.encode("utf-16"), "line 1 holds a NUL byte"),
        (QUESTIONS.encode() + b"3\t301\tCaf\xe9\n", "line 4: Text0 is not UTF-8"),
    ],
)
def test_refuses_questions_that_are_not_right(write, content, said):
    sentence = refusal(write("q", content))
    assert said in sentence
    assert "q.tsv" in sentence


def test_refuses_a_file_that_is_missing_or_a_directory(tmp_path):
    assert "cannot be read" in refusal(tmp_path / "none.tsv")
    assert "cannot be read" in refusal(tmp_path)


def test_refuses_a_duplicate_of_nothing(write):
    duplicates = write("d", DUPLICATES + "12\t999\tWhen?\n")
    assert "d.tsv, line 3: AnswerId is '999'" in refusal(write("q", QUESTIONS), duplicates)


def test_refuses_a_duplicate_of_two_originals(write):
    questions = write("q", QUESTIONS + "3\t101\tWhy?\n")
    assert len(read_faq(questions).originals) == 3
    assert "line 2: AnswerId is '101', which 2 original" in refusal(questions, write("d", DUPLICATES))


def test_refuses_an_answer_to_nothing(write):
    answers = write("a", ANSWERS + "301\t3\tThen.\n")
    assert "a.tsv, line 4: QuestionId is '3'" in refusal(write("q", QUESTIONS), None, answers)


def test_fingerprint_tells_contents_apart(faq):
    same = FaqData(tuple(faq.originals), tuple(faq.duplicates))
    assert same.fingerprint == faq.fingerprint
    assert len(faq.fingerprint) == 64
    assert FaqData(faq.originals, faq.duplicates[:-1]).fingerprint != faq.fingerprint
    assert FaqData(faq.originals[::-1], faq.duplicates).fingerprint != faq.fingerprint


ROWS = [{"Id": 1, "AnswerId": 101, "Text0": 'How?\n"So", or\tso'}, {"Id": 2, "AnswerId": 201, "Text0": "Où? 🤔"}]


def as_csv(path, separator):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ROWS[0].keys(), delimiter=separator)
        writer.writeheader()
        writer.writerows(ROWS)


def as_json_lines(path):
    path.write_text("\n\n".join(json.dumps(row) for row in ROWS))


def as_parquet(path, *types):
    schema = pa.schema(list(zip(ROWS[0], types, strict=True)))
    rows = [
        {name: row[name] if pa.types.is_integer(schema.field(name).type) else str(row[name]) for name in row}
        for row in ROWS
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema), path)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("q.tsv", lambda path: as_csv(path, "\t")),
        ("q.TXT", lambda path: as_csv(path, "\t")),
        ("q", lambda path: as_csv(path, "\t")),
        ("q.csv", lambda path: as_csv(path, ",")),
        ("q.jsonl", as_json_lines),
        ("q.ndjson", as_json_lines),
        ("q.parquet", lambda path: as_parquet(path, pa.int64(), pa.int32(), pa.string())),
        ("q2.parquet", lambda path: as_parquet(path, pa.string(), pa.large_string(), pa.string())),
        ("q3.parquet", lambda path: as_parquet(path, pa.int8(), pa.uint64(), pa.dictionary(pa.int8(), pa.string()))),
    ],
)
def test_every_format_holds_the_same(tmp_path, name, save):
    save(tmp_path / name)
    data = read_faq(tmp_path / name)
    assert data.originals == tuple(Original(row["Id"], row["AnswerId"], row["Text0"]) for row in ROWS)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2 is not JSON"),
        ("[" * 100_000, "line 2 is not JSON"),
        ("1" * 5_000, "line 2 is not JSON"),
        ("[1]", "line 2 is no JSON object"),
        ('{"Id": 3, "AnswerId": 301}', "line 2: Text0 is missing"),
        ('{"Id": 3, "AnswerId": 301, "Text0": null}', "line 2: Text0 is neither text nor an integer"),
        ('{"Id": true, "AnswerId": 301, "Text0": "Why?"}', "line 2: Id is neither text"),
        ('{"Id": 1.0, "AnswerId": 301, "Text0": "Why?"}', "line 2: Id is neither text"),
        ('{"Id": 3, "AnswerId": 301, "Text0": "Why\\ud800?"}', "line 2: Text0 is not UTF-8"),
        ('{"Id": 3, "AnswerId": 301, "Text0": "Why\\u0000?"}', "line 2: Text0 holds a NUL byte"),
        ('{"Id": 1, "AnswerId": 301, "Text0": "Why?"}', "line 2: Id is '1' again, as in line 1"),
    ],
)
def test_refuses_json_lines_that_are_not_right(tmp_path, line, said):
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\n" + line)
    assert f"q.jsonl, {said}" in refusal(path)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"Id": [1], "AnswerId": [2]}, "lacks the column Text0"),
        ({"Id": [1], "AnswerId": [2.5], "Text0": ["a"]}, "the column AnswerId is double"),
        ({"Id": [1, None], "AnswerId": [2, 3], "Text0": ["a", "b"]}, "record 2: Id is empty"),
        ({"Id": [1, 1], "AnswerId": [2, 3], "Text0": ["a", "b"]}, "record 2: Id is '1' again, as in record 1"),
        ({"Id": [1, 2], "AnswerId": [2, 3], "Text0": ["a", "b\0"]}, "record 2: Text0 holds a NUL byte"),
        ({"Id": [], "AnswerId": [], "Text0": []}, "holds no question"),
    ],
)
def test_refuses_parquet_that_is_not_right(tmp_path, columns, said):
    path = tmp_path / "q.parquet"
    fields = {name: pa.array(values, None if values else pa.string()) for name, values in columns.items()}
    pq.write_table(pa.table(fields), path)
    assert said in refusal(path)


def test_refuses_parquet_that_is_damaged(tmp_path):
    path = tmp_path / "q.parquet"
    path.write_bytes(b"PAR1 this is none")
    assert "cannot be read as Parquet" in refusal(path)
    as_parquet(path, pa.int64(), pa.int32(), pa.string())
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 60 + content[64:])
    assert "q.parquet" in refusal(path)


def test_refuses_a_format_that_it_does_not_know(write, tmp_path):
    path = write("q", QUESTIONS).rename(tmp_path / "q.xlsx")
    assert "names no known format" in refusal(path)


def test_a_bad_record_does_not_end_reading(write):
    content = 'Id\tText0\n1\tone\n2\t"open\n3\t"three\nlines"\n4\n5\tfive\0\n6\t"si"x\n7\tseven\n'
    found = list(iterate_rows(write("q", content), ("Id", "Text0")))
    bad = {row.line: row.column for row in found if isinstance(row, BadRow)}
    good = {row.line: row.values["Text0"] for row in found if not isinstance(row, BadRow)}
    assert good == {2: "one", 4: "three\nlines", 9: "seven"}
    assert bad == {3: "", 6: "", 7: "Text0", 8: ""}


def test_labelled_questions_take_the_ids_of_their_originals(write):
    originals = read_faq(write("q", QUESTIONS)).originals
    labelled = write("l", "Id\tAnswerId\tText0\nx\t201\tAt which place?\n")
    assert read_labelled(labelled, originals) == [Duplicate("x", 201, "At which place?")]
    assert read_labelled(labelled, [Original("1", "201", "Where?")]) == [Duplicate("x", "201", "At which place?")]


def test_refuses_a_label_that_names_no_original(write):
    labelled = write("l", "Id\tAnswerId\tText0\n1\t999\tWhy?\n")
    with pytest.raises(StartupError, match=r"l\.tsv, line 2: AnswerId is '999'"):
        read_labelled(labelled, read_faq(write("q", QUESTIONS)).originals)


def test_a_directory_that_nothing_was_prepared_in_is_refused(tmp_path):
    with pytest.raises(StartupError, match="holds no prepared FAQ"):
        read_prepared(tmp_path)


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30).map("a{}".format)


@given(st.lists(texts, min_size=1, max_size=8))
@settings(max_examples=50)
def test_reads_back_what_a_csv_writer_wrote(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("faq") / "q.tsv"
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter="\t")
    writer.writerow(["Id", "AnswerId", "Text0"])
    writer.writerows((index, 100 + index, text) for index, text in enumerate(written))
    path.write_bytes(buffer.getvalue().encode())
    expected = [Original(index, 100 + index, text.strip()) for index, text in enumerate(written)]
    assert list(read_faq(path).originals) == expected


@given(st.one_of(st.binary(max_size=80), st.text('Idx1\t\n\r" ', max_size=60).map(str.encode)))
@settings(max_examples=100)
def test_reads_or_refuses_any_bytes(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("faq") / "q.tsv"
    path.write_bytes(b"Id\tAnswerId\tText0\n" + content)
    with contextlib.suppress(StartupError):
        assert read_faq(path).originals
