import json

import pytest

from deployments.errors import StartupError
from deployments.faq_matcher.data import Answer, Duplicate, Original, read_prepared
from deployments.faq_matcher.preparation.pipeline import prepare
from deployments.faq_matcher.preparation.settings import PrepareSettings
from deployments.faq_matcher.preparation.tables import TableSource

QUESTIONS = "Id\tAnswerId\tText0\n1\t101\tHow?\n2\t201\tWhere?\n"


@pytest.fixture
def run(tmp_path):
    """Prepares tables given by their content; all duplicates are for training."""

    def run(questions, duplicates=None, answers=None, suffix=".tsv", **settings):
        paths = []
        for name, content in (("questions", questions), ("duplicates", duplicates), ("answers", answers)):
            path = tmp_path / f"{name}{suffix}"
            if content is not None:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            paths.append(path if content is not None else None)
        settings = PrepareSettings(**{"test_fraction": 0.0, **settings})
        report = prepare(TableSource(*paths), tmp_path / "output", settings).report
        return read_prepared(tmp_path / "output"), report

    return run


def test_all_three_files(run):
    duplicates = "Id\tAnswerId\tText0\n11\t201\tAt  which\tplace?\n".replace("\tplace", " place")
    data, report = run(QUESTIONS, duplicates, "Id\tQuestionId\tText0\n101\t1\tThus.\n201\t2\tThere.\n102\t1\tOr so.\n")
    assert data.originals == (Original(1, 101, "How?"), Original(2, 201, "Where?"))
    assert data.duplicates == (Duplicate(11, 201, "At which place?"),)
    assert data.answers == (Answer(101, 1, "Thus."), Answer(102, 1, "Or so."), Answer(201, 2, "There."))
    assert [source.rows for source in report.sources] == [2, 1, 3]


def test_bad_rows_are_left_out_and_told(run, found):
    questions = (
        QUESTIONS.encode()
        + b"3\t301\n\t401\tWhy?\n4\t\tWhy?\n1\t501\tAgain?\n5\t501\t?!\n6\t601\t\n7\t701\tCaf\xe9\n8\t801\tWhy\0?\n"
        + b'9\t901\t"open\n10\t1001\t'
        + b"x" * 200_000
        + b"\n11\t1101\t"
        + b"y " * 50_001
        + b"\n12\t1201\tWhen?\n"
    )
    data, report = run(questions)
    assert [original.id for original in data.originals] == [1, 2, 12]
    assert found(report.dropped) == {
        ("originals", "cannot be read"): [(4, ""), (10, "Text0"), (11, "Text0"), (12, ""), (13, "")],
        ("originals", "is empty"): [(5, "Id"), (6, "AnswerId"), (9, "Text0")],
        ("originals", "is there a second time; the first row counts"): [(7, "Id")],
        ("originals", "has no letters or digits"): [(8, "Text0")],
    } | {("originals", "has more than 100,000 characters"): [(14, "Text0")]}


def test_links_that_lead_nowhere_or_to_several(run, found):
    questions = QUESTIONS + "3\t301\tWhen?\n4\t301\tAt what time?\n5\t501\t?\n"
    duplicates = "Id\tAnswerId\tText0\n11\t999\ta\n12\t301\tb\n13\t501\tc\n14\t101\td\n"
    answers = "Id\tQuestionId\tText0\n101\t1\tThus.\n901\t9\tThus.\n501\t5\tThus.\n"
    data, report = run(questions, duplicates, answers, require_answer=False)
    assert [duplicate.id for duplicate in data.duplicates] == [14]
    dropped = found(report.dropped)
    assert dropped["duplicates", "is that of no original that was kept"] == [(2, "AnswerId"), (4, "AnswerId")]
    assert dropped["duplicates", "is that of several originals"] == [(3, "AnswerId")]
    assert dropped["answers", "is that of no original that was kept"] == [(3, "QuestionId"), (4, "QuestionId")]


def test_originals_whose_answer_is_missing(run, found):
    duplicates = "Id\tAnswerId\tText0\n11\t201\ta\n12\t101\tb\n"
    answers = "Id\tQuestionId\tText0\n101\t1\tThus.\n"
    data, report = run(QUESTIONS, duplicates, answers)
    assert [original.id for original in data.originals] == [1]
    assert found(report.dropped) == {
        ("originals", "is that of no answer that was kept"): [(3, "AnswerId")],
        ("duplicates", "belongs to an original that was dropped"): [(2, "Id")],
    }


@pytest.mark.parametrize("settings", [{"require_answer": False}, {}])
def test_without_a_file_of_answers_none_is_missing(run, settings):
    assert len(run(QUESTIONS, **settings)[0].originals) == 2


def test_ids_may_be_text(run):
    data, _ = run(QUESTIONS + "x\t007\tWhen?\n", "Id\tAnswerId\tText0\n007\t007\ta\n7\t101\tb\n")
    assert [(each.id, each.answer_id) for each in data.originals] == [("1", "101"), ("2", "201"), ("x", "007")]
    assert [(each.id, each.answer_id) for each in data.duplicates] == [("7", "101"), ("007", "007")]


HTML = "Id\tAnswerId\tText0\n1\t101\t<p>Is a &lt; b?</p> <pre>so</pre>\n2\t201\t<p>Where?</p>\n"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "Is a < b?\nso"),
        ({"code": "drop"}, "Is a < b?"),
        ({"html": True}, "Is a < b?\nso"),
        ({"html": False}, "<p>Is a &lt; b?</p> <pre>so</pre>"),
    ],
)
def test_html_is_found_out_or_set(run, settings, expected):
    assert run(HTML, **settings)[0].originals[0].text == expected


def test_text_that_mentions_a_tag_stays(run):
    data, _ = run("Id\tAnswerId\tText0\n1\t101\tWhat is <s> &amp; what not?\n")
    assert data.originals[0].text == "What is <s> &amp; what not?"


def test_a_tag_is_looked_up_in_its_column(run):
    questions = "Id\tAnswerId\tText0\tTags\n1\t101\tHow?\t<a><js>\n2\t201\tWhere?\t<jsx>\n"
    assert [original.id for original in run(questions, tag="JS")[0].originals] == [1]


def test_a_tag_needs_its_column(run):
    with pytest.raises(StartupError, match=r"questions\.tsv, line 1 lacks the column Tags"):
        run(QUESTIONS, tag="js")


def test_json_lines(run, found):
    rows = [{"Id": 1, "AnswerId": "a", "Text0": "How?\n<br>Tell."}, {"Id": 2}, {"Id": 3, "AnswerId": 3, "Text0": 1.5}]
    data, report = run("\n".join(map(json.dumps, rows)), suffix=".jsonl")
    assert data.originals == (Original(1, "a", "How?\nTell."),)
    assert found(report.dropped) == {("originals", "cannot be read"): [(2, "AnswerId"), (3, "Text0")]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", r"questions\.tsv is empty"),
        ("Id\tText0\n", "lacks the column AnswerId"),
        (QUESTIONS.encode("utf-16"), "NUL byte"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(run, tmp_path, content, said):
    with pytest.raises(StartupError, match=said):
        run(content)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["questions.tsv"]


def test_nothing_left_is_refused(run):
    reason = (
        r"leaves no question to train from; the most frequent reason, 2 times: .*\.tsv, line 2: Text0 has fewer than"
    )
    with pytest.raises(StartupError, match=reason):
        run(QUESTIONS, min_length=50)


def test_a_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(StartupError, match=r"none\.tsv cannot be read"):
        prepare(TableSource(tmp_path / "none.tsv"), tmp_path / "output", PrepareSettings())
