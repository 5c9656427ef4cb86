import sys

import pytest
import yaml

pytest.importorskip("optuna", reason="optuna is not installed, and without it there is no tuning.")

from deployments.faq_matcher import tuning
from deployments.faq_matcher.gain import Gain
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.tuning import Search, Trial
from serve_app.faq.tune_command import _verdict

HEAD = "Id\tAnswerId\tText0\n"
THINGS = ("account", "invoice", "password", "printer")
ASKED = ("Removing the {}", "get rid of a {} for good", "{} no longer wanted", "erase {}s", "destroy my {}")


@pytest.fixture
def run(tmp_path, faq):
    originals = [f"{n}\t{100 + n}\tHow can a {thing} be deleted?\n" for n, thing in enumerate(THINGS)]
    pairs = [(place, text.format(thing)) for place, thing in enumerate(THINGS) for text in ASKED]
    duplicates = [f"{n}\t{100 + place}\t{text}\n" for n, (place, text) in enumerate(pairs)]
    (tmp_path / "q.tsv").write_text(HEAD + "".join(originals))
    (tmp_path / "d.tsv").write_text(HEAD + "".join(duplicates))

    def run(*arguments, output="best.yaml"):
        tables = ["--questions", tmp_path / "q.tsv", "--duplicates", tmp_path / "d.tsv"]
        return faq("tune", *tables, "--output", tmp_path / output, *arguments)

    return run


@pytest.fixture
def named(cells):
    """The rows of the tables that are shown, by their first cell."""
    return lambda result: {row[0]: row[1:] for row in cells(result)}


def test_writes_a_recipe_that_training_takes(run, named, faq, tmp_path):
    result = run("--trials", 3, "--seed", 4)
    assert (result.exit_code, result.stderr) == (0, "")
    shown = named(result)
    assert float(shown["best of 3"][0]) >= float(shown["default"][0])
    written = (tmp_path / "best.yaml").read_text()
    recipe = Recipe.model_validate(yaml.safe_load(written))
    assert written.startswith("# The best of 3 settings that `scoring faq tune` tried: mean reciprocal rank")
    assert recipe.seed == 4
    for name, (default, best) in ((name, row) for name, row in shown.items() if name in Recipe.model_fields):
        assert default != best, name
    recipe = ("--recipe", tmp_path / "best.yaml")
    assert faq("train", "--questions", tmp_path / "q.tsv", *recipe, "--output", tmp_path / "m").exit_code == 0


def test_goes_on_from_its_study(run, refusal, named, tmp_path):
    assert run("--trials", 2).exit_code == 0
    assert (tmp_path / "best.study.db").is_file()
    result = run("--trials", 3)
    assert "best of 3" in named(result)
    whole = run("--trials", 3, "--study", tmp_path / "another.db", output="whole.yaml")
    assert named(whole) == named(result)
    assert (tmp_path / "whole.yaml").read_text() == (tmp_path / "best.yaml").read_text()
    assert "best.study.db is a study of other data or other settings" in refusal(run("--seed", 1))


def test_a_timeout_ends_it_with_what_was_found(run, named, tmp_path):
    result = run("--trials", 30, "--timeout", 0)
    assert "best of 1" in named(result)
    assert "1 of 30 were tried: the same command goes on from" in result.stdout
    assert "None was better than the default settings." in result.stdout
    assert Recipe.model_validate(yaml.safe_load((tmp_path / "best.yaml").read_text())) == Recipe()


def test_ctrl_c_keeps_what_was_tried(run, named, tmp_path, monkeypatch):
    real, calls = tuning.held_out_questions, []

    def interrupt(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(tuning, "held_out_questions", interrupt)
    result = run("--trials", 4)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.startswith("Stopped. ")
    assert result.stderr.endswith("best.study.db keeps what was tried: the same command goes on from there.\n")
    assert not (tmp_path / "best.yaml").exists()
    assert "best of 4" in named(run("--trials", 4))
    # Two before it was stopped, the one that was, and two after that.
    assert len(calls) == 5


def test_replaces_nothing_but_settings(run, refusal, tmp_path):
    (tmp_path / "best.yaml").write_text("dear: diary\n")
    assert "best.yaml holds something else than settings" in refusal(run())
    assert (tmp_path / "best.yaml").read_text() == "dear: diary\n"
    assert "in a directory that exists" in refusal(run(output="none/best.yaml"))
    assert not list(tmp_path.glob("*.db"))


def test_says_what_is_wrong(run, refusal, tmp_path):
    text = (tmp_path / "d.tsv").read_text()
    (tmp_path / "d.tsv").write_text(text[: text.rindex("19\t")])
    assert "The FAQ has 19 duplicates to judge recipes by, and tuning needs at least 20" in refusal(run())


def test_says_what_to_install(run, refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "deployments.faq_matcher.tuning", None)
    monkeypatch.delattr("deployments.faq_matcher.tuning", raising=False)
    assert "pip install 'ray-scoring[faq-training]'" in refusal(run())


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (Gain(0.03, 0.01), "tuning gains 0.0300 ± 0.0100 of reciprocal rank: more than noise."),
        (Gain(0.019, 0.01), "no more than noise, so that the default settings may serve as well."),
        (Gain(-0.01, 0.01), "no more than noise"),
    ],
)
def test_tells_a_gain_from_noise(gain, said):
    trials = [Trial(n, Recipe(rounds=n), 30, 0.9 + n / 100, 0.9, 0.5) for n in range(2)]
    assert said in _verdict(Search(tuple(trials), gain))
