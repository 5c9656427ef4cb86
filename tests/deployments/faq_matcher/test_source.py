import os
import subprocess
import sys

import numpy as np
import pytest

from deployments.contracts import Question
from deployments.errors import InvalidText, StartupError
from deployments.faq_matcher.settings import FaqMatcherSettings
from deployments.faq_matcher.source import load_model, read_data, read_sample

QUESTIONS = "Id\tAnswerId\tText0\n1\t101\tHow do I begin?\n2\t201\tWhere is the end?\n"
DUPLICATES = "Id\tAnswerId\tText0\n11\t201\tAt which place does it finish?\n"
ANSWERS = "Id\tQuestionId\tText0\n101\t1\tAt the start.\n201\t2\tAfter the last page.\n"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SCORING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "faq"


@pytest.fixture
def files(tmp_path):
    for name, content in (("q", QUESTIONS), ("d", DUPLICATES), ("a", ANSWERS)):
        (tmp_path / f"{name}.tsv").write_text(content)
    return {name: str(tmp_path / f"{name[0]}.tsv") for name in ("questions", "duplicates", "answers")}


def test_a_saved_model_is_served_as_settings_say(model, tmp_path):
    model.save(tmp_path / "model")
    settings = FaqMatcherSettings(model_dir=str(tmp_path / "model"), default_top_k=2, max_text_length=20)
    loaded = load_model(settings)
    texts = ["delete account", "Kennwort ändern", "unknown"]
    assert np.array_equal(loaded.match(texts), model.match(texts))
    short, long = loaded.score([Question("account"), Question("account" * 3)])
    assert len(short.ids) == 2
    assert isinstance(long, InvalidText)


def test_own_files_are_trained_from(files, cache):
    data = read_data(FaqMatcherSettings(**files))
    assert (len(data.originals), len(data.duplicates), len(data.answers)) == (2, 1, 2)
    model = load_model(FaqMatcherSettings(**files))
    (matches,) = model.score([Question("the place where it finishes", 1, answers=True)])
    assert (matches.ids, matches.answers) == ([2], ["After the last page."])
    assert len(list(cache.iterdir())) == 1


def test_own_files_are_trained_from_with_the_encoder_that_settings_name(files, bert):
    encoder = str(bert("mean"))
    model = load_model(FaqMatcherSettings(**files, encoder=encoder))
    assert model.learned.facts.encoder.name == encoder
    again = load_model(FaqMatcherSettings(**files, encoder=encoder))
    np.testing.assert_allclose(again.match(["begin"]), model.match(["begin"]), atol=1e-6)


@pytest.mark.parametrize("setting", ["questions", "model_dir", "encoder"])
def test_what_is_not_there_is_refused(tmp_path, setting):
    with pytest.raises(StartupError) as caught:
        load_model(FaqMatcherSettings(**{setting: str(tmp_path / "none")}))
    assert str(tmp_path / "none") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_sample_is_served_without_any_settings():
    sample = read_sample()
    assert len(sample.originals) >= 60
    assert len(sample.answers) >= len(sample.originals)
    assert {duplicate.answer_id for duplicate in sample.duplicates} == {
        original.answer_id for original in sample.originals
    }
    model = load_model(FaqMatcherSettings())
    answered = model.score([Question(original.text) for original in sample.originals])
    assert [matches.ids[0] for matches in answered] == [original.id for original in sample.originals]
    assert all(matches.matched for matches in answered)
    strangers = ["Which cheese goes with a lasagna for eleven guests?", "Is it going to rain tomorrow in Lisbon?"]
    assert not any(matches.matched for matches in model.score([Question(text) for text in strangers]))


def test_a_saved_model_needs_no_training_library(model, tmp_path):
    model.save(tmp_path / "model")
    program = (
        "import sys; from deployments.faq_matcher.source import load_model;"
        "from deployments.faq_matcher.settings import FaqMatcherSettings;"
        "from deployments.contracts import Question;"
        "load_model(FaqMatcherSettings(model_dir=sys.argv[1])).score([Question('account', explain=True)]);"
        "assert not {'sklearn', 'ray', 'torch', 'openvino', 'tokenizers', 'pyarrow', 'optuna'} & sys.modules.keys();"
        "assert 'deployments.faq_matcher.training' not in sys.modules"
    )
    # With the cache of compiled code that this process has.
    environment = {name: value for name, value in os.environ.items() if name != "SCORING_CACHE"}
    command = [sys.executable, "-c", program, str(tmp_path / "model")]
    subprocess.run(command, check=True, timeout=120, env=environment)
