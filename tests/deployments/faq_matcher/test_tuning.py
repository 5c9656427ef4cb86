import sqlite3
from itertools import product

import numpy as np
import pytest

pytest.importorskip("optuna", reason="optuna is not installed, and without it there is no tuning.")

from deployments.errors import StartupError
from deployments.faq_matcher import tuning
from deployments.faq_matcher.calibration import Calibration, HeldOut, calibrate
from deployments.faq_matcher.data import Answer, Duplicate, FaqData, Original
from deployments.faq_matcher.evidence import Weights
from deployments.faq_matcher.gain import gain, log_losses, reciprocal_ranks
from deployments.faq_matcher.meanings import unit
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.tuning import search_space, tune

THINGS = ("account", "invoice", "password", "printer", "message", "picture")
ASKED = ("How do I delete my {}?", "Removing the {}", "get rid of a {} for good", "{} no longer wanted", "erase {}s")


@pytest.fixture(scope="module")
def data():
    originals = tuple(Original(n, 100 + n, f"How can a {thing} be deleted?") for n, thing in enumerate(THINGS))
    pairs = enumerate(product(range(len(THINGS)), ASKED))
    duplicates = tuple(Duplicate(1000 + n, 100 + place, text.format(THINGS[place])) for n, (place, text) in pairs)
    return FaqData(originals, duplicates)


@pytest.fixture(scope="module")
def start():
    return Recipe(folds=2)


@pytest.fixture(scope="module")
def whole(data, start, tmp_path_factory):
    return tune(data, tmp_path_factory.mktemp("study") / "whole.db", trials=13, start=start)


def test_starts_from_the_recipe_given_and_finds_the_best(whole, start, data):
    assert len(whole.trials) == 13
    assert whole.first.recipe == start
    assert whole.best.mean_reciprocal_rank == max(trial.mean_reciprocal_rank for trial in whole.trials)
    assert {trial.questions for trial in whole.trials} == {len(data.duplicates)}
    assert len({trial.recipe for trial in whole.trials}) == 13
    assert {trial.recipe.folds for trial in whole.trials} == {2}


def test_the_same_seed_gives_the_same_trials_and_another_one_others(data, start, whole, tmp_path):
    assert tune(data, tmp_path / "again.db", trials=3, start=start).trials == whole.trials[:3]
    other = tune(data, tmp_path / "other.db", trials=2, start=start.model_copy(update={"seed": 1}))
    assert other.trials[1].recipe.rate != whole.trials[1].recipe.rate


def test_goes_on_where_it_stopped_as_if_it_had_not(data, start, whole, tmp_path):
    tune(data, tmp_path / "study.db", trials=5, start=start)
    assert tune(data, tmp_path / "study.db", trials=13, start=start) == whole


def test_a_trial_that_was_interrupted_does_not_count(data, start, whole, tmp_path):
    def interrupt(_step, done, total):
        if done > 2 / 5 * total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(data, tmp_path / "study.db", trials=5, start=start, progress=interrupt)
    assert tune(data, tmp_path / "study.db", trials=2, start=start).trials == whole.trials[:2]
    assert tune(data, tmp_path / "study.db", trials=13, start=start) == whole


def test_a_study_that_is_done_is_not_done_again(data, start, tmp_path):
    first = tune(data, tmp_path / "study.db", trials=2, start=start)
    told = []
    assert tune(data, tmp_path / "study.db", trials=2, start=start, progress=lambda *said: told.append(said)) == first
    assert told == []


def test_no_trial_begins_after_the_timeout_but_the_first(data, start, tmp_path):
    seconds = iter(range(100))
    search = tune(data, tmp_path / "study.db", trials=9, start=start, timeout_seconds=2, clock=lambda: next(seconds))
    assert len(search.trials) == 2


def test_refuses_the_study_of_another_faq_or_seed(data, start, tmp_path):
    tune(data, tmp_path / "study.db", trials=1, start=start)
    other = FaqData(data.originals, data.duplicates[:-1])
    with pytest.raises(StartupError, match=r"study\.db is a study of other data or other settings"):
        tune(other, tmp_path / "study.db", trials=1, start=start)
    with pytest.raises(StartupError, match="other settings"):
        tune(data, tmp_path / "study.db", trials=1, start=start.model_copy(update={"seed": 1}))


def test_leaves_files_alone_that_are_no_study(data, tmp_path):
    (tmp_path / "letter.txt").write_text("precious " * 1000)
    with pytest.raises(StartupError, match=r"letter\.txt cannot be read as a study"):
        tune(data, tmp_path / "letter.txt")
    assert (tmp_path / "letter.txt").read_text() == "precious " * 1000
    with sqlite3.connect(tmp_path / "mine.db") as connection:
        connection.execute("CREATE TABLE mine (n INTEGER)")
    connection.close()
    with pytest.raises(StartupError, match=r"mine\.db holds no study"):
        tune(data, tmp_path / "mine.db")
    with pytest.raises(StartupError, match="in a directory that exists"):
        tune(data, tmp_path / "none" / "study.db")


def test_refuses_too_few_duplicates(data, tmp_path):
    with pytest.raises(StartupError, match="has 19 duplicates to judge recipes by, and tuning needs at least 20"):
        tune(FaqData(data.originals, data.duplicates[:19]), tmp_path / "study.db")
    assert not (tmp_path / "study.db").exists()


@pytest.mark.parametrize(("answers", "meaning", "more"), [(0, 0, 0), (0, 1, 0), (1, 0, 1), (1, 1, 2)])
def test_searches_what_the_faq_has(answers, meaning, more):
    space = search_space(has_answers=bool(answers), has_meaning=bool(meaning))
    assert len(space) == 6 + more
    assert space.keys() <= Recipe.model_fields.keys()


class Letters:
    """A small encoder: how often each letter occurs."""

    name, sha256, dimensions = "letters", "0" * 64, 26

    def __init__(self):
        self.read = []

    def encode(self, texts, progress=None, max_tokens=None):
        self.read += texts
        counts = [[text.lower().count(chr(code)) for code in range(97, 123)] for text in texts]
        return unit(np.array(counts, np.float32))


def test_texts_are_embedded_once_and_only_where_something_is_tried(data, start, tmp_path, monkeypatch):
    letters = Letters()
    monkeypatch.setattr(tuning, "load_encoder", lambda *_, **__: letters)
    faq = FaqData(data.originals, data.duplicates, (Answer(100, 0, "Ask us."),))
    semantic = start.model_copy(update={"encoder": "letters"})
    first = tune(faq, tmp_path / "study.db", trials=3, start=semantic)
    assert sorted(letters.read) == sorted([*(each.text for each in (*data.originals, *data.duplicates)), "Ask us."])
    assert len({trial.recipe.answer_meaning_weight for trial in first.trials}) == 3
    assert {trial.recipe.encoder for trial in first.trials} == {"letters"}
    letters.read.clear()
    assert tune(faq, tmp_path / "study.db", trials=3, start=semantic) == first
    assert letters.read == []
    with pytest.raises(StartupError, match="other settings"):
        tune(faq, tmp_path / "study.db", trials=3, start=start)


def test_log_loss_is_what_calibration_minimizes():
    random = np.random.default_rng(0)
    evidence = random.random((200, 5, 1))
    evidence[:, 0] += 0.5
    held_out = HeldOut(evidence, np.ones((200, 5), np.bool_))
    fitted = calibrate(held_out, Calibration(Weights(4.0), 3.0), 0.9)
    least = log_losses(held_out, fitted).mean()
    for words, none in ((0.8, 0.0), (1.2, 0.0), (1.0, -0.5), (1.0, 0.5)):
        other = Calibration(Weights(fitted.weights.words * words), fitted.none + none)
        assert log_losses(held_out, other).mean() > least


def test_log_loss_by_hand():
    held_out = HeldOut(np.array([[[2.0], [1.0]], [[2.0], [0.0]]]), np.array([[True, True], [True, False]]))
    losses = log_losses(held_out, Calibration(Weights(1.0), 0.0))
    with_rival = -0.8 * np.log(np.exp(2) / (np.exp(2) + np.exp(1) + 1)) - 0.2 * np.log(1 / (np.exp(1) + 1))
    alone = -0.8 * np.log(np.exp(2) / (np.exp(2) + 1))
    np.testing.assert_allclose(losses, [with_rival, alone])


def test_reciprocal_ranks_by_hand():
    evidence = np.array([[[2.0], [1.0], [3.0]], [[2.0], [0.0], [0.0]], [[2.0], [2.0], [9.0]]])
    exists = np.array([[True, True, True], [True, True, True], [True, True, False]])
    found = reciprocal_ranks(HeldOut(evidence, exists), Calibration(Weights(1.0), 0.0))
    assert found.tolist() == [1 / 2, 1, 1 / 2]


def test_the_best_of_many_that_differ_by_luck_gains_nothing():
    found, looked = 0, 0
    for seed in range(50):
        random = np.random.default_rng(seed)
        ranks = random.random(300) + 0.1 * random.standard_normal((40, 300))
        found += gain(ranks, 0).is_more_than_noise
        better = ranks[ranks.mean(axis=1).argmax()] - ranks[0]
        looked += better.mean() > 2 * better.std() / np.sqrt(300)
    assert found <= 3
    assert looked >= 10


def test_a_better_recipe_gains_what_it_is_better():
    ranks = np.random.default_rng(0).random((5, 300))
    ranks[3] = ranks[0] + 0.1 + 0.01 * ranks[1]
    found = gain(ranks, 0)
    assert found.mean == pytest.approx(0.105, abs=0.001)
    assert found.is_more_than_noise
