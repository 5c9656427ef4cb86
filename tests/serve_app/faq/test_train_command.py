import json
import shutil
import sys

import pytest
import yaml

from deployments.contracts import Question
from deployments.faq_matcher import storage
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.settings import FaqMatcherSettings
from deployments.faq_matcher.source import load_model

QUESTIONS = "Id\tAnswerId\tText0\n1\t101\tHow do I begin?\n2\t201\tWhere is the end?\n"
DUPLICATES = "Id\tAnswerId\tText0\n11\t101\tWhat is the first step?\n"
ANSWERS = "Id\tQuestionId\tText0\n101\t1\tHere.\n201\t2\tThere.\n"


@pytest.fixture
def run(tmp_path, faq):
    for name, content in (("q", QUESTIONS), ("d", DUPLICATES), ("a", ANSWERS)):
        (tmp_path / f"{name}.tsv").write_text(content)

    def run(*arguments, questions="q.tsv", output="model"):
        options = [*(["--questions", tmp_path / questions] if questions else []), "--output", tmp_path / output]
        return faq("train", *options, *arguments)

    return run


def test_trains_and_tells_how_to_serve(run, cells, tmp_path):
    result = run("--duplicates", tmp_path / "d.tsv", "--answers", tmp_path / "a.tsv")
    assert (result.exit_code, result.stderr) == (0, "")
    shown = dict(cells(result))
    assert (shown["Originals"], shown["Duplicates"], shown["Answers"]) == ("2", "1", "2")
    assert shown["Duplicates held out in turn"] == "1"
    config = yaml.safe_load("models:" + result.stdout.partition("models:")[2])
    settings = FaqMatcherSettings(**config["models"][0]["versions"][0]["model"])
    assert settings.model_dir == str(tmp_path / "model")
    model = load_model(settings)
    assert model.score([Question("first step")])[0].ids[0] == 1
    assert (model.learned.facts.duplicates, model.learned.facts.answers) == (1, 2)


def test_shows_the_metrics_and_the_threshold(run, cells, tmp_path):
    words = ("begin", "start", "first", "commence", "open", "launch", "outset", "origin", "birth", "dawn", "entry")
    rows = [f"{n}\t101\thow to {word}" for n, word in enumerate(words)]
    rows += [f"{50 + n}\t201\tthe end of {word}" for n, word in enumerate(words)]
    (tmp_path / "d.tsv").write_text("Id\tAnswerId\tText0\n" + "\n".join(rows) + "\n")
    result = run("--duplicates", tmp_path / "d.tsv", "--wanted-precision", 0.75)
    shown, learned = dict(cells(result)), storage.read(tmp_path / "model")
    assert shown["Duplicates held out in turn"] == "22"
    assert shown["matched first"] == f"{learned.facts.held_out.accuracy:.1%}"
    assert shown["mean reciprocal rank"] == f"{learned.facts.held_out.mean_reciprocal_rank:.3f}"
    assert shown["Threshold for 0.75 of matches right"] == f"{learned.calibration.threshold:.3f}"
    assert shown["Features"] == str(learned.evidence.features.count)


def test_trains_from_questions_alone(run, cells, tmp_path):
    shown = dict(cells(run()))
    assert shown["Threshold, by default: under 20 duplicates held out"] == "0.500"
    assert "matched first" not in shown
    assert load_model(FaqMatcherSettings(model_dir=str(tmp_path / "model"))).learned.facts.duplicates == 0


def test_trains_from_prepared_data(run, refusal, cells, faq, tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed, and without it nothing is prepared.")
    prepared = faq("prepare", "--questions", tmp_path / "q.tsv", "--output", tmp_path / "data", "--no-require-answer")
    assert prepared.exit_code == 0
    assert ["Originals", "2"] in cells(run("--data", tmp_path / "data", questions=None))
    assert "--questions means nothing beside --data" in refusal(run("--data", tmp_path / "data", output="other"))
    assert "data holds no prepared FAQ" in refusal(
        run("--data", tmp_path / "none" / "data", questions=None, output="o")
    )


def test_writes_down_the_command_without_paths(run, tmp_path):
    shutil.copy(tmp_path / "d.tsv", tmp_path / "my wordings.tsv")
    assert run("--duplicates", tmp_path / "my wordings.tsv", "--seed", 7, "--overwrite").exit_code == 0
    manifest = (tmp_path / "model" / "manifest.json").read_text()
    command = json.loads(manifest)["training"]["command"]
    assert command.startswith("scoring faq train ")
    assert set(command.removeprefix("scoring faq train ").split(" --")) == {
        "--output model", "questions q.tsv", "duplicates 'my wordings.tsv'", "seed 7", "overwrite",
    }  # fmt: skip
    assert str(tmp_path) not in manifest


@pytest.mark.parametrize("form", ["recipe.yaml", "recipe.json"])
def test_takes_a_recipe_and_options_go_before_it(run, tmp_path, form):
    fields = {"rounds": 2, "gram_lengths": [3], "seed": 3, "wanted_precision": 0.8}
    (tmp_path / form).write_text(json.dumps(fields) if form.endswith("json") else yaml.safe_dump(fields))
    assert run("--recipe", tmp_path / form, "--seed", 5).exit_code == 0
    expected = Recipe(rounds=2, gram_lengths=(3,), seed=5, wanted_precision=0.8)
    assert storage.read(tmp_path / "model").facts.recipe == expected


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("rounds: -1", "r.yaml, as a recipe: rounds must be greater than or equal to 0, not -1."),
        ("roundz: 1", "roundz unknown key; did you mean rounds?"),
        ("rounds: many\nrate: 0", "rounds must be a valid integer, not 'many'; rate must be greater than 0, not 0."),
        ("gram_lengths: [3, x]", "gram_lengths.1 must be a valid integer, not 'x'"),
        ("rounds: [", "r.yaml is not valid YAML"),
        ("- 1", "r.yaml, as a recipe: "),
    ],
)
def test_says_which_field_of_a_recipe_is_wrong(run, refusal, tmp_path, content, said):
    (tmp_path / "r.yaml").write_text(content)
    assert said in refusal(run("--recipe", tmp_path / "r.yaml"))
    assert not (tmp_path / "model").exists()


def test_says_which_option_is_wrong(run, refusal, tmp_path):
    assert "wanted_precision must be less than 1, not 1.5" in refusal(run("--wanted-precision", 1.5))
    assert "r.yaml cannot be read" in refusal(run("--recipe", tmp_path / "r.yaml"))
    assert "--semantic means nothing beside --encoder" in refusal(run("--semantic", "--encoder", "x"))
    assert "name data of `scoring faq prepare` with --data" in refusal(run(questions=None))


def test_an_encoder_that_is_not_there_is_one_sentence(run, refusal, tmp_path):
    pytest.importorskip("openvino", reason="openvino is not installed, and without it there is no sentence encoder.")
    assert "cannot be read" in refusal(run("--encoder", tmp_path / "none"))


def test_replaces_a_model_only_when_told(run, refusal, tmp_path):
    assert run().exit_code == 0
    assert "replace it with --overwrite" in refusal(run())
    result = run("--overwrite", "--duplicates", tmp_path / "d.tsv")
    assert result.exit_code == 0
    assert load_model(FaqMatcherSettings(model_dir=str(tmp_path / "model"))).learned.facts.duplicates == 1
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("arguments", [(), ("--overwrite",)])
def test_never_replaces_what_is_no_model(run, refusal, tmp_path, arguments):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("precious")
    assert "no FAQ model" in refusal(run(*arguments))
    assert "no FAQ model" in refusal(run(*arguments, output="q.tsv"))
    assert (tmp_path / "model" / "thesis.txt").read_text() == "precious"
    assert (tmp_path / "q.tsv").read_text() == QUESTIONS


def test_looks_at_the_output_before_anything_else(run, refusal, tmp_path):
    assert run().exit_code == 0
    assert "holds a model" in refusal(run(questions="none.tsv"))


def test_says_what_is_wrong_with_the_files(run, refusal, tmp_path):
    assert "none.tsv cannot be read" in refusal(run(questions="none.tsv"))
    (tmp_path / "q.tsv").write_text(QUESTIONS + "2\t301\tWhy?\n")
    assert "q.tsv, line 4: Id is '2' again" in refusal(run())
    assert not (tmp_path / "model").exists()


def test_says_where_the_model_cannot_be_written(run, refusal, tmp_path):
    assert "cannot be written" in refusal(run(output="q.tsv/model"))


def test_says_what_to_install(run, refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "deployments.faq_matcher.training", None)
    monkeypatch.delattr("deployments.faq_matcher.training", raising=False)
    assert "pip install 'ray-scoring[faq]'" in refusal(run())


def test_parquet_needs_what_training_brings(run, refusal, tmp_path, monkeypatch):
    (tmp_path / "q.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install 'ray-scoring[faq-training]'" in refusal(run(questions="q.parquet"))
