import json
import sys

import numpy as np
import pytest

from deployments.faq_matcher.data import Original
from serve_app.faq import evaluate_command

QUESTIONS = "Id\tAnswerId\tText0\n11\t101\tHow to start\n12\t201\tThe finish\n13\t201\tWhat comes last\n"
STRANGERS = "Text0\nWho is it?\n"


class Matcher:
    originals = (Original(1, 101, "How do I begin?"), Original(2, 201, "Where is the end?"))
    threshold = 0.5

    def match(self, texts):
        odds = {"How to start": [0.9, 0.0], "The finish": [0.1, 0.8], "What comes last": [0.6, 0.3]}
        return np.array([odds.get(text, [0.2, 0.1]) for text in texts], np.float32)


@pytest.fixture
def loaded(monkeypatch):
    directories = []

    def load(directory):
        directories.append(directory)
        return Matcher(), {"originals": 2}

    monkeypatch.setattr(evaluate_command, "_load", load)
    return directories


@pytest.fixture
def run(tmp_path, loaded, monkeypatch, faq):
    (tmp_path / "q.tsv").write_text(QUESTIONS)
    (tmp_path / "s.tsv").write_text(STRANGERS)
    monkeypatch.chdir(tmp_path)

    def run(*arguments, model="model"):
        return faq("evaluate", "--model", model, *arguments)

    return run


def test_shows_metrics_and_confusions(run, loaded, tmp_path):
    result = run("--questions", "q.tsv")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [str(directory) for directory in loaded] == ["model"]
    assert "3 questions with one of 2 originals" in result.stdout
    assert "66.7%" in result.stdout
    assert "1 of 1 originals with errors" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"q.tsv", "s.tsv"}


def test_top_bounds_the_originals(run):
    assert "Most confused" not in run("--questions", "q.tsv", "--top", "0").stdout
    assert run("--questions", "q.tsv", "--top", "-1").exit_code == 2


def test_strangers_measure_no_match(run):
    assert "No match" not in run("--questions", "q.tsv").stdout
    result = run("--questions", "q.tsv", "--strangers", "s.tsv")
    assert "1 stranger with none of them" in result.stdout
    assert "No match: recall" in result.stdout


def test_writes_json_and_html(run, tmp_path):
    result = run("--questions", "q.tsv", "--strangers", "s.tsv", "--json", "r.json", "--html", "r.html")
    assert result.exit_code == 0
    assert result.stdout.endswith("Wrote r.json.\nWrote r.html.\n")
    form = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert form["model"] == {"directory": "model", "originals": 2}
    assert form["metrics"]["accuracy_at"]["1"] == pytest.approx(2 / 3)
    assert form["metrics"]["strangers"] == 1
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "What comes last" in page


def test_reads_the_questions_held_out_of_prepared_data(run, tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed, and without it there is no Parquet.")
    from pyarrow import parquet

    table = pyarrow.table({"Id": [11], "AnswerId": [101], "Text0": ["How to start"]})
    (tmp_path / "data").mkdir()
    parquet.write_table(table, tmp_path / "data" / "test.parquet")
    assert "1 question with one of 2" in run("--data", "data").stdout
    # Questions take the place of those.
    assert "3 questions with one of 2" in run("--data", "data", "--questions", "q.tsv").stdout


def test_says_what_is_missing(run, refusal, tmp_path):
    assert "name prepared data with --data or test questions with --questions" in refusal(run())
    (tmp_path / "data").mkdir()
    assert "data holds no test.parquet" in refusal(run("--data", "data"))
    assert "none.tsv cannot be read" in refusal(run("--questions", "none.tsv"))
    assert "none.tsv cannot be read" in refusal(run("--questions", "q.tsv", "--strangers", "none.tsv"))


def test_says_what_is_wrong_with_the_questions(run, refusal, tmp_path):
    (tmp_path / "q.tsv").write_text(QUESTIONS + "14\t999\tWhy?\n")
    assert "q.tsv, line 5: AnswerId is '999'" in refusal(run("--questions", "q.tsv"))
    (tmp_path / "q.tsv").write_text("Id\tAnswerId\tText0\n")
    assert "q.tsv holds no question" in refusal(run("--questions", "q.tsv"))


@pytest.mark.parametrize("option", ["--json", "--html"])
@pytest.mark.parametrize("file", [".", "none/report"])
def test_checks_where_to_write_before_asking(run, refusal, loaded, option, file):
    assert "cannot be written: name a file in a directory that exists" in refusal(
        run("--questions", "q.tsv", option, file)
    )
    assert not loaded


def test_two_forms_need_two_files(run, refusal, loaded):
    sentence = refusal(run("--questions", "q.tsv", "--json", "r", "--html", "r"))
    assert "r cannot hold both forms" in sentence
    assert not loaded


def test_says_what_cannot_be_written(run, tmp_path):
    (tmp_path / "r.json").symlink_to("r.json")
    result = run("--questions", "q.tsv", "--json", "r.json")
    assert result.exit_code == 2
    assert result.stderr.startswith("r.json cannot be written: ")


def test_says_what_to_install(run, refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "deployments.faq_matcher.evaluation.html_report", None)
    sentence = refusal(run("--questions", "q.tsv", "--html", "r.html"))
    assert "pip install 'ray-scoring[faq-training]'" in sentence
