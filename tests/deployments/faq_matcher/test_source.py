import json
import logging
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from pydantic import ValidationError

from deployments.cache_root import cache_root
from deployments.contracts import Matches, Question
from deployments.errors import StartupError
from deployments.faq_matcher import storage
from deployments.faq_matcher.cache import cache_key
from deployments.faq_matcher.data import FaqData
from deployments.faq_matcher.model import FaqModel
from deployments.faq_matcher.settings import FaqMatcherSettings
from deployments.faq_matcher.source import load_model, read_sample

QUESTIONS = "Id\tAnswerId\tText0\n1\t101\tHow do I begin?\n2\t201\tWhere is the end?\n"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "faq"


@pytest.fixture
def own(tmp_path):
    (tmp_path / "q.tsv").write_text(QUESTIONS)
    return FaqMatcherSettings(questions=str(tmp_path / "q.tsv"))


@pytest.fixture
def saved(model, tmp_path):
    model.save(tmp_path / "model")
    return tmp_path / "model"


def refusal(directory):
    with pytest.raises(StartupError) as caught:
        FaqModel.load(directory)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def entries(cache):
    return sorted(path.name for path in cache.iterdir())


def test_a_saved_model_answers_as_before(model, saved):
    loaded = load_model(FaqMatcherSettings(model_dir=str(saved), default_top_k=2))
    texts = ["delete account", "Kennwort ändern", "unknown"]
    assert np.array_equal(loaded.match(texts), model.match(texts))
    assert loaded.learned.originals == model.learned.originals
    assert loaded.learned.facts == model.learned.facts
    assert len(loaded.score([Question("account")])[0].ids) == 2
    assert loaded.describe() == model.describe()


def test_the_manifest_tells_where_a_model_comes_from(model, saved):
    manifest = json.loads((saved / "manifest.json").read_text())
    assert (manifest["format"], manifest["format_version"]) == ("ray-scoring-faq", 1)
    assert manifest["files"].keys() == {"originals.json", "vocabulary.json", "weights.npz"}
    assert manifest["training"]["data_fingerprint"] == model.learned.facts.data_fingerprint


def test_saves_into_nothing_but_a_new_or_empty_directory(model, saved, tmp_path):
    with pytest.raises(FileExistsError):
        model.save(saved)
    (tmp_path / "empty").mkdir()
    model.save(tmp_path / "empty")
    FaqModel.load(tmp_path / "empty")
    assert not list(tmp_path.glob(".*"))


def test_nothing_is_left_where_saving_fails(model, tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_npz", lambda learned: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["originals.json", "vocabulary.json", "weights.npz"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_refuses_a_damaged_model(saved, name, damage):
    if damage == "gone":
        (saved / name).unlink()
    else:
        (saved / name).write_bytes((saved / name).read_bytes()[:-10])
    assert f"is damaged ({name}" in refusal(saved)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format_version": 2}, "has format 2, this program reads up to 1: upgrade"),
        ({"format": "other"}, "holds no FAQ model that this program knows"),
        ({"files": {"../originals.json": "0"}}, "does not name the files of a model"),
        ({"training": None}, "manifest.json is not complete"),
    ],
)
def test_refuses_a_foreign_or_newer_model(saved, change, said):
    manifest = json.loads((saved / "manifest.json").read_text())
    (saved / "manifest.json").write_text(json.dumps(manifest | change))
    assert said in refusal(saved)


def test_refuses_what_is_no_model(tmp_path):
    assert "holds no FAQ model: train one" in refusal(tmp_path)
    assert "holds no FAQ model: train one" in refusal(tmp_path / "none")
    (tmp_path / "manifest.json").write_bytes(b"\xff{")
    assert "that this program knows" in refusal(tmp_path)


def test_refuses_files_of_different_models(faq, saved, tmp_path):
    from deployments.faq_matcher.training import train

    FaqModel(train(FaqData(faq.originals[:3]))).save(tmp_path / "other")
    manifest = json.loads((saved / "manifest.json").read_text())
    other = json.loads((tmp_path / "other" / "manifest.json").read_text())
    shutil.copy(tmp_path / "other" / "weights.npz", saved / "weights.npz")
    manifest["files"]["weights.npz"] = other["files"]["weights.npz"]
    (saved / "manifest.json").write_text(json.dumps(manifest))
    assert "do not fit together" in refusal(saved)


def test_own_files_are_trained_from_once(own, cache, monkeypatch):
    first = load_model(own)
    monkeypatch.setattr("deployments.faq_matcher.training.train", lambda data: pytest.fail("trained again"))
    again = load_model(own)
    assert np.array_equal(again.match(["begin"]), first.match(["begin"]))
    assert len(entries(cache)) == 1


def test_other_content_is_another_model(own, cache, tmp_path):
    load_model(own)
    (tmp_path / "q.tsv").write_text(QUESTIONS + "3\t301\tWho asks?\n")
    assert load_model(own).score([Question("Who asks?")])[0].ids[0] == 3
    assert len(entries(cache)) == 2


def test_a_damaged_cache_is_trained_again(own, cache, caplog):
    load_model(own)
    (cache / entries(cache)[0] / "weights.npz").write_bytes(b"")
    assert load_model(own).score([Question("Where is the end?")])[0].ids[0] == 2
    assert "trained again" in caplog.text
    storage.read(cache / entries(cache)[0])
    assert len(entries(cache)) == 1


def test_many_may_train_at_the_same_time(own, cache):
    with ThreadPoolExecutor(6) as pool:
        models = list(pool.map(load_model, [own] * 6))
    answers = [model.match(["Where?"]).tolist() for model in models]
    assert answers.count(answers[0]) == 6
    assert len(entries(cache)) == 1


def test_serves_without_a_cache_where_none_can_be_written(own, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert isinstance(load_model(own).score([Question("begin")])[0], Matches)
    assert "cannot be kept" in caplog.text


def test_the_cache_is_in_the_users_cache_directory(monkeypatch):
    monkeypatch.delenv("SCORING_CACHE")
    assert cache_root("faq").parts[-2:] == ("ray-scoring", "faq")


def test_the_key_changes_with_recipe_and_libraries(faq, monkeypatch):
    keys = {cache_key(faq)}
    monkeypatch.setattr("deployments.faq_matcher.cache.version", lambda library: "0")
    keys.add(cache_key(faq))
    monkeypatch.setattr("deployments.faq_matcher.recipe.REGULARIZATION", 1.0)
    keys.add(cache_key(faq))
    assert len(keys) == 3


def test_the_sample_is_served_without_any_settings():
    sample = read_sample()
    assert len(sample.originals) >= 60
    assert len(sample.answers) >= len(sample.originals)
    assert {duplicate.answer_id for duplicate in sample.duplicates} == {
        original.answer_id for original in sample.originals
    }
    answered = load_model(FaqMatcherSettings()).score([Question(original.text) for original in sample.originals])
    assert [matches.ids[0] for matches in answered] == [original.id for original in sample.originals]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model_dir": "m", "questions": "q"}, "model_dir and questions exclude each other"),
        ({"model_dir": "m", "answers": "a"}, "model_dir and answers exclude each other"),
        ({"duplicates": "d"}, "questions is required where duplicates is given"),
        ({"model_dir": ""}, "at least 1 character"),
        ({"default_top_k": 0}, "greater than or equal to 1"),
        ({"max_length": 5}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        FaqMatcherSettings(**settings)


def test_every_setting_is_described():
    assert all(field.description for field in FaqMatcherSettings.model_fields.values())


def test_a_saved_model_needs_no_training_library(saved):
    program = (
        "import sys; from deployments.faq_matcher.source import load_model;"
        "from deployments.faq_matcher.settings import FaqMatcherSettings;"
        "load_model(FaqMatcherSettings(model_dir=sys.argv[1]));"
        "assert not {'sklearn', 'ray', 'torch'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program, str(saved)], check=True, timeout=60)
