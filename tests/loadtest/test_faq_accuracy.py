"""From trials to tables, and what the command says where there is nothing to measure."""

import json

import pytest
from typer.testing import CliRunner

from deployments.faq_matcher.evaluation.metrics import Metrics
from loadtest import commands
from loadtest.errors import BenchmarkError
from loadtest.faq_accuracy import measure, reports
from loadtest.in_process.faq_accuracy import Measured, Setting
from loadtest.in_process.faq_trials import Trial


def metrics(accuracy, **changes):
    values = {
        "questions": 10, "strangers": 0, "accuracy_at": {1: accuracy, 2: 0.9, 3: 0.95, 10: 1.0},
        "accuracy_interval": (0.1, 0.9), "mean_rank": 1 / accuracy, "mean_reciprocal_rank": 0.75,
        "expected_calibration_error": 0.2, "expected_calibration_error_of_questions": 0.1, "coverage": 0.5,
        "matched_precision": 0.8, "matched_recall": 0.4, "no_match_precision": 0.7, "no_match_recall": 0.6,
    }  # fmt: skip
    return Metrics(**{**values, **changes})


def trial(accuracy, *, strangers=(), is_probable=True):
    return Trial(metrics(accuracy), {source: metrics(accuracy) for source in strangers}, 1.5, 0.25, is_probable)


ONE = Setting("Set, no duplicates", 10, 4, {"Plain": [trial(0.5, is_probable=False)], "Learning": None})
HALVES = Setting("Set, half", 5, 4, {"Plain": [trial(0.5), trial(0.25)], "Ours": [trial(0.5, strangers=["far"])] * 2})
KEPT = Setting("Set, kept back", 5, 3, {"Ours": [trial(0.5, strangers=["near"])]})


def test_one_run_shows_its_interval_and_what_cannot_learn_a_dash():
    (table,) = reports(Measured(ONE, None, None, [], ["A set is not there."]))
    assert table.title == "Set, no duplicates: 10 questions, 4 originals"
    plain, learning = table.rows
    assert plain == ["Plain", "0.500 (0.100-0.900)", "0.900", "0.950", "1.000", "2.000", "0.750", "-", "1.5", "0.25"]
    assert learning == ["Learning", *["-"] * 9]
    assert table.notes[-1] == "A set is not there."


def test_several_splits_show_mean_and_spread():
    table = reports(Measured(None, HALVES, KEPT, [], []))[0]
    assert table.rows[0][1] == "0.375 (0.250-0.500)"
    assert table.rows[0][5] == "3.000 (2.000-4.000)"
    assert table.rows[1][1] == "0.500"
    assert any("2 splits" in note for note in table.notes)


def test_strangers_have_a_table_of_their_own():
    table = reports(Measured(None, HALVES, KEPT, [], []))[1]
    assert [row[:4] for row in table.rows] == [["Ours", "far", "0.600", "0.700"], ["Ours", "near", "0.600", "0.700"]]


def test_a_share_of_nothing_is_a_dash():
    nothing = Trial(metrics(0.5), {"far": metrics(0.5, matched_precision=None)}, 1.0, 1.0, is_probable=True)
    table = reports(Measured(None, Setting("S", 1, 1, {"Ours": [nothing]}), None, [], []))[1]
    assert table.rows[0][5] == "-"


def test_every_figure_of_every_table_is_in_the_first_ones_data():
    tables = reports(Measured(ONE, HALVES, KEPT, [ONE], []))
    assert [setting["name"] for setting in tables[0].data["settings"]] == [
        each.name for each in (ONE, HALVES, KEPT, ONE)
    ]
    assert json.loads(tables[0].json())["settings"][1]["trials"]["Plain"][1]["metrics"]["accuracy_at"]["1"] == 0.25
    assert len(tables) == 4


def test_without_data_the_command_ends_in_a_sentence(tmp_path):
    for arguments, said in (
        ([], "--data"),
        (["--data", str(tmp_path / "missing")], "is no folder"),
        (["--data", str(tmp_path)], "holds none of the sets"),
    ):
        result = CliRunner().invoke(commands.app, ["faq-accuracy", *arguments])
        assert result.exit_code == 1
        assert said in result.stderr


def test_a_damaged_set_is_named(tmp_path):
    (tmp_path / "faq").mkdir()
    (tmp_path / "faq" / "stackfaq_orig.tsv").write_text("Id\tText0\n1\tHow?\n", encoding="utf-8")
    with pytest.raises(BenchmarkError, match=r"stackfaq_orig\.tsv"):
        measure(tmp_path, seeds=1)


def test_measures_a_whole_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("loadtest.in_process.faq_accuracy.is_available", lambda: False)
    tables = {"orig": ["Id\tAnswerId\tText0"], "dup": ["Id\tAnswerId\tText0"], "ans": ["Id\tQuestionId\tText0"]}
    for number, topic in enumerate(("account", "invoice", "printer", "holiday", "password")):
        tables["orig"].append(f"{number}\t{100 + number}\tWhat about the {topic}?")
        tables["ans"].append(f"{100 + number}\t{number}\tNothing.")
        phrases = ("My {} is wrong", "Where is the {}", "Tell me of that {}", "That {} again")
        tables["dup"] += [f"{number}0{n}\t{100 + number}\t{phrase.format(topic)}" for n, phrase in enumerate(phrases)]
    (tmp_path / "faq").mkdir()
    for name, lines in tables.items():
        (tmp_path / "faq" / f"stackfaq_{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    unaided, halves, no_match = measure(tmp_path, seeds=2)
    assert unaided.title == "StackFAQ, no duplicates: 20 questions, 5 originals"
    found = {row[0]: row[1] for row in unaided.rows}
    assert found["Ours, lexical"].startswith("1.000")
    assert found["Reference's method, re-created"] == "-"
    assert {row[0]: row[1] for row in halves.rows}["Logistic regression, TF-IDF"] == "1.000"
    assert [row[0] for row in no_match.rows] == ["Ours, lexical"]
    assert len([note for note in unaided.notes if "left out" in note]) == 4
