"""`scoring score MODEL` against the real ingress, with models that the command knows nothing of."""

import json
from importlib.metadata import EntryPoint

import pytest
import typer
from typer.testing import CliRunner

from serve_app.score import commands
from serve_app.score.commands import app


@pytest.fixture
def score(loopback, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")

    def score(*arguments, stdin=None):
        command = [*map(str, arguments), "--url", loopback.url]
        return CliRunner().invoke(app, command, input=stdin, catch_exceptions=False)

    return score


def table(result):
    assert result.exit_code == 0, result.stderr
    return [line.split() for line in result.stdout.splitlines()]


def refusal(result):
    assert result.exit_code == 2
    assert result.stdout == ""
    return result.stderr


def test_a_text_is_an_argument(score):
    assert table(score("words", "to be or not to be", "--param", "least=3")) == [["counts"], ['{"not":', "1}"]]
    assert len(table(score("words", "a", "b"))) == 3


def test_texts_come_from_files_and_from_standard_input(score, tmp_path):
    (tmp_path / "a.txt").write_text("from a file")
    expected = [["counts"], ['{"from":', "1,", '"a":', "1,", '"file":', "1}"]]
    assert table(score("words", f"@{tmp_path / 'a.txt'}")) == expected
    assert table(score("words", "-", stdin="from a file\n")) == expected
    assert table(score("words", stdin="from a file\n")) == expected


def test_several_inputs_have_names(score, tmp_path):
    (tmp_path / "w.json").write_text("[0, 0, 1]")
    result = score("sums", "--input", "values=[1, 2, 3.5]", "--input", f"weights=@{tmp_path / 'w.json'}")
    assert table(result) == [["sums", "largest"], ["3.5", "2"]]
    rows = ["--input", "values=[1, 2, 3]", "--input", "values=[4, 5, 6]", "--input", "weights=[[1, 0, 0], [1, 0, 0]]"]
    assert table(score("sums", *rows, "--output", "sums")) == [["sums"], ["1"], ["4"]]


def test_the_example_is_the_models_own(score):
    assert table(score("sums", "--example")) == [["sums", "largest"], ["1.75", "0"]]
    assert "--example is a whole request" in score("words", "a", "--example").stderr


def test_programs_get_the_answer_as_it_came(score):
    told = json.loads(score("sums", "--example", "--json").stdout)
    assert told["model_name"] == "sums"
    assert told["outputs"][0] == {"name": "sums", "datatype": "FP32", "shape": [1], "data": [1.75]}


def test_a_model_may_have_the_name_of_a_command(score):
    assert table(score("model", "faq", "port?", "--param", "top_k=1"))[1] == ["7", "70", "0.5", "true"]


def test_a_kind_adds_a_command_of_its_own(loopback, monkeypatch):
    def shout(text: str) -> None:
        typer.echo(text.upper())

    entries = [EntryPoint("words", "sample", commands.GROUP)]
    monkeypatch.setattr(commands, "entry_points", lambda group: entries if group == commands.GROUP else [])
    monkeypatch.setattr(EntryPoint, "load", lambda _: shout)
    app = commands.build()
    assert CliRunner().invoke(app, ["words", "a"]).stdout == "A\n"
    assert table(CliRunner().invoke(app, ["sums", "--example", "--url", loopback.url])) == [
        ["sums", "largest"],
        ["1.75", "0"],
    ]


def test_a_version_is_named(score, loopback):
    table(score("words", "a", "--version", "1"))
    assert loopback.paths == ["/v2/models/words/versions/1", "/v2/models/words/versions/1/infer"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["words", "a", "--input", "text=a"], "either with --input or without a name"),
        (["words", "--input", "text"], "--input must be NAME=VALUE"),
        (["words", "a", "--param", "least"], "--param must be NAME=VALUE"),
        (["words", "a", "--param", "most=1"], "has no parameter 'most'; it takes least"),
        (["words", "a", "--param", "least=x"], "must be a whole number of at least 1"),
        (["words", "a", "--output", "x"], "has no output 'x'"),
        (["words", "@none.txt"], "none.txt cannot be read"),
        (["sums", "[1, 2, 3]"], "takes several inputs: give them by name"),
        (["sums", "--input", "values=[1, 2", "--input", "weights=[1, 2, 3]"], "must be JSON"),
        (["sums", "--input", "z=1"], "has no input 'z'"),
    ],
)
def test_what_the_model_does_not_take_is_one_sentence(score, loopback, arguments, words):
    assert words in refusal(score(*arguments, stdin=""))
    assert not [path for path in loopback.paths if path.endswith("/infer")]


def test_a_model_that_is_not_there_is_told_by_the_service(score):
    assert score("other", "a").exit_code == 1
