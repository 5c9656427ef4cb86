import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.errors import StartupError
from deployments.faq_matcher import storage
from deployments.faq_matcher.data import Duplicate, FaqData, Original
from deployments.faq_matcher.model import FaqModel
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.training import train

TEXTS = ["delete account", "Kennwort ändern", "unknown", "pictures and images"]
ALWAYS = {"originals.json", "duplicates.json", "answers.json", "words.npz"}


@pytest.fixture(scope="module", params=["words", "meaning"])
def saved_model(request):
    """Models with a sentence encoder and without."""
    return request.getfixturevalue("model" if request.param == "words" else "meaning_model")


@pytest.fixture(scope="module")
def kept(saved_model, tmp_path_factory):
    """Where it is saved; what a test changes it puts back."""
    directory = tmp_path_factory.mktemp("kept") / "model"
    saved_model.save(directory)
    return directory


@pytest.fixture
def saved(model, tmp_path):
    model.save(tmp_path / "model")
    return tmp_path / "model"


def refusal(directory):
    with pytest.raises(StartupError) as caught:
        storage.read(directory)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_a_saved_model_answers_as_before(saved_model, kept):
    loaded = FaqModel.load(kept)
    assert np.array_equal(loaded.match(TEXTS), saved_model.match(TEXTS))
    assert loaded.describe() == saved_model.describe()
    for part in ("originals", "duplicates", "answers", "calibration", "facts"):
        assert getattr(loaded.learned, part) == getattr(saved_model.learned, part)


def test_the_manifest_tells_where_a_model_comes_from(saved_model, kept):
    manifest = json.loads((kept / "manifest.json").read_text())
    assert (manifest["format"], manifest["format_version"]) == ("ray-scoring-faq", storage.FORMAT_VERSION)
    by_meaning = saved_model.learned.facts.encoder is not None
    assert manifest["files"].keys() == ALWAYS | ({"meanings.npz"} if by_meaning else set())
    assert {path.name for path in kept.iterdir()} == {"manifest.json", *manifest["files"]}
    assert manifest["training"]["data_fingerprint"] == saved_model.learned.facts.data_fingerprint


def test_the_same_data_and_recipe_give_the_same_files(faq, model, answered_faq, meaning_model, tmp_path):
    recipe = meaning_model.learned.facts.recipe
    for name, first, again in (
        ("words", model.learned, train(faq)),
        ("meaning", meaning_model.learned, train(answered_faq, recipe)),
    ):
        storage.write(tmp_path / name / "first", first)
        storage.write(tmp_path / name / "again", again)
        manifests = []
        for path in sorted((tmp_path / name / "first").iterdir()):
            other = tmp_path / name / "again" / path.name
            if path.name == "manifest.json":
                manifests = [json.loads(each.read_text()) for each in (path, other)]
                for manifest in manifests:
                    del manifest["training"]["created_at"], manifest["training"]["seconds"]
            else:
                assert path.read_bytes() == other.read_bytes()
        assert manifests[0] == manifests[1]


@given(st.data())
def test_a_changed_byte_is_noticed(kept, data):
    path = data.draw(st.sampled_from(sorted(kept.iterdir())))
    content = bytearray(path.read_bytes())
    offset = data.draw(st.integers(0, len(content) - 1))
    content[offset] ^= data.draw(st.integers(1, 255))
    with replaced(path, bytes(content)):
        if path.name != "manifest.json":
            assert f"is damaged ({path.name} is not the file that was saved)" in refusal(kept)
            return
        # Nothing tells a changed number in the manifest itself; but it is read or refused, never an error.
        try:
            storage.read(kept)
        except StartupError:
            refusal(kept)


@given(st.data())
def test_a_truncated_file_is_refused(kept, data):
    path = data.draw(st.sampled_from(sorted(kept.iterdir())))
    content = path.read_bytes()
    # The manifest ends with a line feed, without which it is whole.
    with replaced(path, content[: data.draw(st.integers(0, len(content) - 2))]):
        assert str(kept) in refusal(kept)


class replaced:  # noqa: N801 - reads as what it does
    """Gives a file another content for a while."""

    def __init__(self, path, content):
        self._path, self._content = path, content

    def __enter__(self):
        self._before = self._path.read_bytes()
        self._path.write_bytes(self._content)

    def __exit__(self, *_):
        self._path.write_bytes(self._before)


def test_a_missing_file_is_named(kept):
    for path in sorted(kept.iterdir()):
        content = path.read_bytes()
        path.unlink()
        said = "holds no FAQ model: train one" if path.name == "manifest.json" else f"is damaged ({path.name} cannot"
        assert said in refusal(kept)
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format_version": storage.FORMAT_VERSION + 1}, "upgrade ray-scoring"),
        (
            {"format_version": storage.FORMAT_VERSION - 1},
            f"this program reads {storage.FORMAT_VERSION}: train it again",
        ),
        ({"format_version": "new"}, "holds no FAQ model that this program knows"),
        ({"format": "other"}, "holds no FAQ model that this program knows"),
        ({"files": {"../originals.json": "0"}}, "does not name the files of a model"),
        ({"training": None}, "manifest.json is not complete"),
        ({"calibration": {"weights": {"words": 1}, "none": float("nan")}}, "do not fit together"),
        ({"calibration": {"weights": {"words": float("inf")}, "none": 1}}, "do not fit together"),
    ],
)
def test_a_foreign_newer_or_older_model_is_refused(saved, change, said):
    manifest = json.loads((saved / "manifest.json").read_text())
    (saved / "manifest.json").write_text(json.dumps(manifest | change))
    assert said in refusal(saved)


@pytest.mark.parametrize("change", [{"gram_lengths": [-5]}, {"gram_lengths": [1]}, {"head_words": 10**30}])
def test_a_recipe_that_the_compiled_loops_cannot_follow_is_refused(saved, change):
    manifest = json.loads((saved / "manifest.json").read_text())
    manifest["training"]["recipe"] |= change
    (saved / "manifest.json").write_text(json.dumps(manifest))
    assert "manifest.json is not complete" in refusal(saved)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff{", b"null", b'{"format": "ray-scoring-faq"}'])
def test_what_is_no_model_is_refused(tmp_path, content):
    assert "holds no FAQ model: train one" in refusal(tmp_path)
    assert "holds no FAQ model: train one" in refusal(tmp_path / "none")
    (tmp_path / "manifest.json").write_bytes(content)
    assert "that this program knows" in refusal(tmp_path)
    assert not storage.is_model(tmp_path)


def test_a_model_is_known_whatever_its_state(saved):
    assert storage.is_model(saved)
    (saved / "words.npz").unlink()
    assert storage.is_model(saved)


def test_files_of_different_models_are_refused(faq, saved, tmp_path):
    FaqModel(train(FaqData(faq.originals[:3]))).save(tmp_path / "other")
    manifest = json.loads((saved / "manifest.json").read_text())
    other = json.loads((tmp_path / "other" / "manifest.json").read_text())
    shutil.copy(tmp_path / "other" / "originals.json", saved / "originals.json")
    manifest["files"]["originals.json"] = other["files"]["originals.json"]
    (saved / "manifest.json").write_text(json.dumps(manifest))
    assert "do not fit together" in refusal(saved)


def test_saves_into_nothing_but_a_new_or_empty_directory(model, saved, tmp_path):
    with pytest.raises(FileExistsError):
        model.save(saved)
    (tmp_path / "empty").mkdir()
    model.save(tmp_path / "empty")
    FaqModel.load(tmp_path / "empty")
    assert not list(tmp_path.glob(".*"))


def test_replaces_what_is_there_where_that_is_wanted(faq, saved):
    (saved / "more.txt").write_text("")
    storage.write(saved, train(FaqData(faq.originals[:2])), replace=True)
    assert len(storage.read(saved).originals) == 2
    assert not (saved / "more.txt").exists()
    assert not list(saved.parent.glob(".*"))


def test_nothing_is_left_where_saving_fails(model, tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_npz", lambda **arrays: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ids", [(1, 2), ("one", "zwei"), ("1", "02")])
def test_ids_stay_what_they_are(tmp_path, ids):
    first, second = ids
    data = FaqData((Original(first, first, "How?"), Original(second, second, "Where?")), (Duplicate(3, first, "So?"),))
    storage.write(tmp_path / "model", train(data))
    loaded = storage.read(tmp_path / "model")
    assert (loaded.originals, loaded.duplicates) == (data.originals, data.duplicates)


def test_any_text_can_be_saved(tmp_path):
    odd = 'How 🤔\0\u2028\\"\n\x1b can\ud800 I?'
    learned = train(FaqData((Original(1, 101, odd), Original(2, 201, "Where is it?"))), Recipe())
    storage.write(tmp_path / "model", learned)
    loaded = storage.read(tmp_path / "model")
    # A lone surrogate, which no file can hold, is no letter: nor is what stands for it.
    assert loaded.originals[0].text == odd.replace("\ud800", "?")
    assert np.array_equal(FaqModel(loaded).match([odd]), FaqModel(learned).match([odd]))
