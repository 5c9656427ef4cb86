import json
import sqlite3
from _thread import interrupt_main

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.errors import StartupError
from deployments.faq_matcher.data import read_labelled, read_prepared
from deployments.faq_matcher.preparation import texts
from deployments.faq_matcher.preparation.dump import DumpSource
from deployments.faq_matcher.preparation.pipeline import prepare
from deployments.faq_matcher.preparation.settings import PrepareSettings
from deployments.faq_matcher.preparation.store import open_store
from deployments.faq_matcher.preparation.tables import TableSource

TABLES = ("questions.parquet", "duplicates.parquet", "test.parquet", "answers.parquet")


def save(directory, name, link, rows):
    path = directory / f"{name}.jsonl"
    path.write_text("\n".join(json.dumps(dict(zip(("Id", link, "Text0"), row, strict=True))) for row in rows))
    return path


def run(directory, questions, duplicates, name="output", **more):
    source = TableSource(save(directory, "q", "AnswerId", questions), save(directory, "d", "AnswerId", duplicates))
    return prepare(source, directory / name, PrepareSettings(html=False, **more))


def contents(directory):
    return {name: (directory / name).read_bytes() for name in TABLES}


def test_each_text_is_there_once(tmp_path, found):
    questions = [(1, 101, "How?"), (2, 201, "Where?"), (3, 301, "how"), (4, 401, "When?")]
    duplicates = [
        (11, 301, "In which way?"),
        (12, 201, "in WHICH way"),
        (13, 101, "When..."),
        (14, 401, "At what time?"),
    ]
    report = run(tmp_path, questions, duplicates, test_fraction=0.0).report
    data = read_prepared(tmp_path / "output")
    assert [original.id for original in data.originals] == [1, 2, 4]
    # The duplicate of the second "How?" follows to the first.
    assert [(each.id, each.answer_id) for each in data.duplicates] == [(11, 101), (14, 401)]
    assert found(report.dropped) == {
        ("originals", "is the same text as that of another original"): [(3, "Text0")],
        ("duplicates", "is the same text as that of another question"): [(2, "Text0"), (3, "Text0")],
    }
    assert [(step.originals, step.duplicates) for step in report.steps] == [(4, 4), (4, 4), (3, 2), (3, 2)]


def test_a_duplicate_that_a_merge_brings_to_a_shared_answer_is_left_out(tmp_path, found):
    questions = [(1, 101, "How?"), (2, 201, "how"), (3, 101, "Where?"), (4, 401, "When?")]
    duplicates = [(11, 201, "In which way?"), (12, 401, "At what time?")]
    report = run(tmp_path, questions, duplicates, test_fraction=0.0).report
    data = read_prepared(tmp_path / "output")
    assert [original.id for original in data.originals] == [1, 3, 4]
    assert [each.id for each in data.duplicates] == [12]
    assert found(report.dropped)["duplicates", "is that of several originals"] == [(1, "AnswerId")]


def test_duplicates_of_both_count_where_originals_are_the_same(tmp_path):
    questions = [(1, 101, "How?"), (2, 201, "how")]
    duplicates = [(11, 101, "a"), (12, 101, "b"), (13, 201, "c"), (14, 201, "C")]
    run(tmp_path, questions, duplicates, min_duplicates=2, test_fraction=0.0)
    assert [each.id for each in read_prepared(tmp_path / "output").duplicates] == [11, 12, 13]


def test_the_held_out_questions_are_labelled(tmp_path):
    questions = [(number, 100 + number, f"Question {number}") for number in range(10)]
    duplicates = [(number, 100 + number % 10, f"Wording {number}") for number in range(100)]
    rows = run(tmp_path, questions, duplicates, test_fraction=0.3).rows
    data = read_prepared(tmp_path / "output")
    held_out = read_labelled(tmp_path / "output" / "test.parquet", data.originals)
    assert rows == dict(zip(TABLES, (10, 70, 30, 0), strict=True))
    assert {each.id for each in held_out} | {each.id for each in data.duplicates} == set(range(100))
    assert all(each.answer_id == 100 + each.id % 10 for each in held_out)
    assert [sum(each.answer_id == 100 + number for each in held_out) for number in range(10)] == [3] * 10


words = st.sampled_from(["how", "How?", "where", "why", "HOW", "when so", "When, so!", "?"])
ids = st.integers(1, 12) | st.sampled_from(["a", "007"])


@given(
    st.lists(st.tuples(ids, st.integers(1, 9), words), min_size=1, max_size=10, unique_by=lambda row: row[0]),
    st.lists(st.tuples(ids, st.integers(1, 9), words), max_size=12, unique_by=lambda row: row[0]),
    st.integers(0, 2),
    st.randoms(use_true_random=False),
)
@settings(max_examples=40, deadline=None)
def test_any_order_gives_the_same_files_and_no_text_twice(tmp_path_factory, questions, duplicates, least, random):
    directory = tmp_path_factory.mktemp("faq")
    try:
        run(directory, questions, duplicates, min_duplicates=least, seed=3)
    except StartupError:
        return
    shuffled = [random.sample(rows, len(rows)) for rows in (questions, duplicates)]
    run(directory, *shuffled, name="other", min_duplicates=least, seed=3)
    assert contents(directory / "output") == contents(directory / "other")

    data = read_prepared(directory / "output")
    held_out = read_labelled(directory / "output" / "test.parquet", data.originals)
    everything = [texts.digest(each.text) for each in (*data.originals, *data.duplicates, *held_out)]
    assert len(set(everything)) == len(everything)


def test_the_report_tells_all(tmp_path):
    run(tmp_path, [(1, 101, "How?"), (2, 201, "?")], [(11, 101, "In which way?")], seed=5)
    report = json.loads((tmp_path / "output" / "report.json").read_text())
    assert report["settings"]["seed"] == 5
    assert [step["name"] for step in report["steps"]] == [
        "in the tables",
        "with a text that can be used",
        "each text once",
        "kept",
    ]
    assert report["dropped"] == [
        {
            "part": "originals",
            "reason": "has no letters or digits",
            "rows": 1,
            "examples": [
                {
                    "file": str(tmp_path / "q.jsonl"),
                    "line": 2,
                    "column": "Text0",
                    "id": 2,
                    "said": f"{tmp_path}/q.jsonl, line 2: Text0 has no letters or digits.",
                }
            ],
        }
    ]
    assert report["files"].keys() == set(TABLES)
    assert report["versions"].keys() == {"ray-scoring", "pyarrow", "selectolax"}
    assert sorted(path.name for path in (tmp_path / "output").iterdir()) == sorted([*TABLES, "report.json"])


def test_examples_are_few(tmp_path):
    questions = [(number, number, "?") for number in range(100)] + [(100, 100, "How?")]
    (finding,) = run(tmp_path, questions, []).report.dropped.values()
    assert (finding.rows, len(finding.examples)) == (100, 20)


def test_large_data_is_written_in_groups(tmp_path, monkeypatch):
    monkeypatch.setattr("deployments.faq_matcher.preparation.output._GROUP_CHARACTERS", 1_000)
    run(tmp_path, [(number, number, f"Question {number} {'x' * 90}") for number in range(100)], [])
    assert pq.ParquetFile(tmp_path / "output" / "questions.parquet").num_row_groups > 5
    assert len(read_prepared(tmp_path / "output").originals) == 100


def test_a_directory_that_holds_something_is_left_alone(tmp_path):
    output = tmp_path / "output"
    output.mkdir()
    (output / "mine.txt").write_text("precious")
    source = TableSource(save(tmp_path, "q", "AnswerId", [(1, 101, "How?")]))
    for overwrite in (False, True):
        with pytest.raises(StartupError, match="holds files that are no prepared FAQ"):
            prepare(source, output, PrepareSettings(), overwrite=overwrite)
    assert (output / "mine.txt").read_text() == "precious"


def test_prepared_data_is_replaced_only_if_asked(tmp_path):
    source = TableSource(save(tmp_path, "q", "AnswerId", [(1, 101, "How?")]))
    output = tmp_path / "output"
    output.mkdir()
    prepare(source, output, PrepareSettings())
    with pytest.raises(StartupError, match="--overwrite"):
        prepare(source, output, PrepareSettings())
    source = TableSource(save(tmp_path, "q", "AnswerId", [(2, 201, "Where?")]))
    prepare(source, output, PrepareSettings(), overwrite=True)
    assert [original.id for original in read_prepared(output).originals] == [2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output", "q.jsonl"]


def test_what_fails_leaves_nothing_and_takes_nothing(tmp_path):
    source = TableSource(save(tmp_path, "q", "AnswerId", [(1, 101, "How?")]))
    prepare(source, tmp_path / "output", PrepareSettings())
    before = contents(tmp_path / "output")

    def interrupt(step, done, total):
        if step == "Writing test.parquet":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(source, tmp_path / "output", PrepareSettings(), overwrite=True, progress=interrupt)
    assert contents(tmp_path / "output") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["output", "q.jsonl"]


def test_a_full_disk_is_an_error_of_the_system(tmp_path):
    def fill():
        with open_store(tmp_path / "store") as store:
            store.execute("PRAGMA max_page_count=1")
            store.create("CREATE TABLE more (text)")

    with pytest.raises(OSError, match="full"):
        fill()


def test_other_errors_of_the_store_are_not(tmp_path):
    with pytest.raises(sqlite3.OperationalError), open_store(tmp_path / "store") as store:
        store.execute("SELECT nothing")


def test_ctrl_c_ends_a_statement_that_would_never_end(tmp_path):
    def run_on():
        with open_store(tmp_path / "store") as store:
            store._connection.create_function("ctrl_c", 0, interrupt_main)
            store.execute(
                "WITH RECURSIVE n(x) AS (SELECT ctrl_c() IS NULL UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
            )

    with pytest.raises(KeyboardInterrupt):
        run_on()


def test_passes_over_a_dump_are_told_in_bytes(dump, output, question, answer):
    dump.write([question(1, "One"), answer(2, 1)])
    told = []

    prepare(DumpSource(dump.directory), output, PrepareSettings(), progress=lambda *step: told.append(step))
    links, posts = (path.stat().st_size for path in (dump.links, dump.posts))
    assert [step for step in told if step[2]] == [
        ("Reading links", 0, links),
        ("Reading links", links, links),
        ("Reading posts", 0, posts),
        ("Reading posts", posts, posts),
        ("Reading texts", 0, posts),
        ("Reading texts", posts, posts),
    ]


@pytest.mark.parametrize(
    ("site", "counts"),
    [
        ("quantumcomputing_2018-09", {"questions": 612, "links": 14, "originals": 562, "duplicates": 10}),
        ("conlang_meta_2020-08", {"questions": 54, "links": 1, "originals": 48, "duplicates": 1}),
    ],
)
def test_a_real_dump(tmp_path, find_shared, site, counts):
    report = prepare(
        DumpSource(find_shared(f"stackexchange_dump/{site}")), tmp_path / "output", PrepareSettings()
    ).report
    data = read_prepared(tmp_path / "output")
    held_out = read_labelled(tmp_path / "output" / "test.parquet", data.originals)
    assert counts == {
        "questions": report.steps[0].originals,
        "links": report.steps[0].duplicates,
        "originals": len(data.originals),
        "duplicates": len(data.duplicates) + len(held_out),
    }
    assert len(data.answers) == len(data.originals)
    assert all("<p>" not in each.text for each in (*data.originals, *data.duplicates, *held_out))
