import subprocess
import sys

import pytest
import yaml
from typer.testing import CliRunner

from deployments.contracts import Question
from deployments.faq_matcher.settings import FaqMatcherSettings
from deployments.faq_matcher.source import load_model
from serve_app.faq_commands import app

QUESTIONS = "Id\tAnswerId\tText0\n1\t101\tHow do I begin?\n2\t201\tWhere is the end?\n"
DUPLICATES = "Id\tAnswerId\tText0\n11\t101\tWhat is the first step?\n"
ANSWERS = "Id\tQuestionId\tText0\n101\t1\tHere.\n201\t2\tThere.\n"


@pytest.fixture
def run(tmp_path):
    for name, content in (("q", QUESTIONS), ("d", DUPLICATES), ("a", ANSWERS)):
        (tmp_path / f"{name}.tsv").write_text(content)

    def run(*arguments, questions="q.tsv", output="model"):
        options = ["--questions", str(tmp_path / questions), "--output", str(tmp_path / output), *arguments]
        return CliRunner().invoke(app, ["train", *options], catch_exceptions=False)

    return run


def refusal(result):
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_trains_and_tells_how_to_serve(run, tmp_path):
    result = run("--duplicates", str(tmp_path / "d.tsv"), "--answers", str(tmp_path / "a.tsv"))
    assert result.exit_code == 0
    assert "Duplicates" in result.stdout
    config = yaml.safe_load("models:" + result.stdout.partition("models:")[2])
    settings = FaqMatcherSettings(**config["models"][0]["versions"][0]["model"])
    assert settings.model_dir == str(tmp_path / "model")
    model = load_model(settings)
    assert model.score([Question("first step")])[0].ids[0] == 1
    assert (model.learned.facts.duplicates, model.learned.facts.answers) == (1, 2)


def test_trains_from_questions_alone(run, tmp_path):
    assert run().exit_code == 0
    assert load_model(FaqMatcherSettings(model_dir=str(tmp_path / "model"))).learned.facts.duplicates == 0


def test_replaces_a_model_only_when_told(run, tmp_path):
    assert run().exit_code == 0
    assert "replace it with --overwrite" in refusal(run())
    result = run("--overwrite", "--duplicates", str(tmp_path / "d.tsv"))
    assert result.exit_code == 0
    assert load_model(FaqMatcherSettings(model_dir=str(tmp_path / "model"))).learned.facts.duplicates == 1
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("arguments", [(), ("--overwrite",)])
def test_never_replaces_what_is_no_model(run, tmp_path, arguments):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("precious")
    assert "no FAQ model" in refusal(run(*arguments))
    assert "no FAQ model" in refusal(run(*arguments, output="q.tsv"))
    assert (tmp_path / "model" / "thesis.txt").read_text() == "precious"
    assert (tmp_path / "q.tsv").read_text() == QUESTIONS


def test_says_what_is_wrong_with_the_files(run, tmp_path):
    assert "none.tsv cannot be read" in refusal(run(questions="none.tsv"))
    (tmp_path / "q.tsv").write_text(QUESTIONS + "2\t301\tWhy?\n")
    assert "q.tsv, line 4: Id is '2' again" in refusal(run())
    assert not (tmp_path / "model").exists()


def test_says_where_the_model_cannot_be_written(run, tmp_path):
    assert "cannot be written" in refusal(run(output="q.tsv/model"))


def test_help_needs_no_model_library():
    program = (
        "import sys; from serve_app.faq_commands import app; import typer.testing as t;"
        "assert t.CliRunner().invoke(app, ['train', '--help']).exit_code == 0;"
        "assert not {'numpy', 'sklearn', 'ray'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "deployments.faq_matcher.training", None)
    monkeypatch.delattr("deployments.faq_matcher.training", raising=False)
    assert "pip install 'ray-scoring[faq]'" in refusal(run())
