import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from deployments.cache_root import cache_root
from deployments.errors import StartupError
from deployments.faq_matcher import encoder, storage
from deployments.faq_matcher.cache import cache_key, trained
from deployments.faq_matcher.data import FaqData
from deployments.faq_matcher.model import FaqModel
from deployments.faq_matcher.recipe import Recipe


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "faq"


def entries(cache):
    return sorted(path.name for path in cache.iterdir())


def test_a_faq_is_trained_once(faq, cache, monkeypatch):
    first = trained(faq, Recipe())
    monkeypatch.setattr("deployments.faq_matcher.training.train", lambda *_: pytest.fail("trained again"))
    again = trained(faq, Recipe())
    assert np.array_equal(FaqModel(again).match(["account"]), FaqModel(first).match(["account"]))
    assert entries(cache) == [cache_key(faq, Recipe())]


def test_other_data_and_other_recipes_are_other_models(faq, cache):
    trained(faq, Recipe())
    trained(FaqData(faq.originals), Recipe())
    assert trained(faq, Recipe(rounds=1)).facts.recipe.rounds == 1
    assert len(entries(cache)) == 3


@pytest.mark.parametrize("name", ["words.npz", "originals.json", "manifest.json"])
def test_a_damaged_entry_is_trained_again(faq, cache, caplog, name):
    trained(faq, Recipe())
    (cache / entries(cache)[0] / name).write_bytes(b"")
    assert trained(faq, Recipe()).originals == faq.originals
    assert "trained again" in caplog.text
    storage.read(cache / entries(cache)[0])
    assert len(entries(cache)) == 1


def test_many_may_train_at_the_same_time(faq, cache):
    with ThreadPoolExecutor(6) as pool:
        models = [FaqModel(learned) for learned in pool.map(trained, [faq] * 6, [Recipe()] * 6)]
    answers = [model.match(["account"]).tolist() for model in models]
    assert answers.count(answers[0]) == 6
    assert len(entries(cache)) == 1


def test_trains_each_time_where_nothing_can_be_kept(faq, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert trained(faq, Recipe()).originals == faq.originals
    assert "cannot be kept" in caplog.text


def test_the_cache_is_in_the_users_cache_directory(monkeypatch):
    monkeypatch.delenv("SCORING_CACHE")
    assert cache_root("faq").parts[-2:] == ("ray-scoring", "faq")


def test_the_key_changes_with_data_recipe_libraries_and_format(faq, monkeypatch):
    keys = [cache_key(faq, Recipe()), cache_key(FaqData(faq.originals), Recipe())]
    changes = {"gram_lengths": (3,), "head_weight": 0.5, "seed": 1, "folds": 3, "wanted_precision": 0.8}
    keys += [cache_key(faq, Recipe(**{setting: value})) for setting, value in changes.items()]
    with monkeypatch.context() as patched:
        patched.setattr("deployments.faq_matcher.cache.version", lambda library: "0")
        keys.append(cache_key(faq, Recipe()))
    with monkeypatch.context() as patched:
        patched.setattr(storage, "FORMAT_VERSION", 99)
        keys.append(cache_key(faq, Recipe()))
    assert len(set(keys)) == len(keys) == 9
    assert cache_key(faq, Recipe()) == keys[0]


def test_the_key_changes_with_the_encoders_weights(faq, tmp_path):
    keys = []
    for weights in (b"one", b"other"):
        (tmp_path / "model.safetensors").write_bytes(weights)
        encoder._sha256.cache_clear()  # as in another process
        keys.append(cache_key(faq, Recipe(encoder=str(tmp_path))))
    assert keys[0] != keys[1]


def test_without_its_encoder_no_model_is_trained(faq, cache, tmp_path):
    with pytest.raises(StartupError, match=r"model\.safetensors cannot be read"):
        trained(faq, Recipe(encoder=str(tmp_path / "none")))
    assert not cache.exists()
