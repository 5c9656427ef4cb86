from itertools import islice

import numpy as np
import pytest

from deployments.errors import StartupError
from deployments.faq_matcher import holding_out
from deployments.faq_matcher.calibration import DEFAULT_THRESHOLD, START_BY_MEANING, START_BY_WORDS
from deployments.faq_matcher.data import Duplicate, FaqData, Original, read_faq
from deployments.faq_matcher.encoder import DEFAULT_ENCODER, is_available
from deployments.faq_matcher.model import FaqModel
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.training import train
from deployments.faq_matcher.wordings import wordings


def places(originals, questions):
    place = {original.answer_id: place for place, original in enumerate(originals)}
    return [place[question.answer_id] for question in questions]


def test_an_original_is_found_by_its_own_text_and_by_its_duplicates(faq, model):
    questions = [*faq.originals, *faq.duplicates]
    best = model.match([question.text for question in questions]).argmax(axis=1)
    assert best.tolist() == places(faq.originals, questions)


def test_an_original_is_found_by_the_words_of_its_answer(answered_faq):
    model = FaqModel(train(answered_faq))
    assert model.match(["Einstellungen", "settings close", "menu"]).argmax(axis=1).tolist() == [3, 0, 1]


def test_facts_tell_where_the_model_comes_from(faq, learned, answered_faq, meaning_model):
    facts = learned.facts
    assert (facts.originals, facts.duplicates, facts.answers) == (4, 3, 0)
    assert facts.data_fingerprint == faq.fingerprint
    assert facts.libraries.keys() == {"numpy", "scipy", "numba"}
    assert (facts.recipe, facts.encoder, facts.command) == (Recipe(), None, None)
    assert facts.seconds > 0
    assert facts.held_out.questions == 3
    facts = meaning_model.learned.facts
    assert facts.answers == 4
    assert facts.libraries.keys() == {"numpy", "scipy", "numba", "openvino", "tokenizers"}
    assert facts.encoder.name == facts.recipe.encoder


def test_the_command_is_written_down(faq):
    assert train(faq, command="scoring faq train").facts.command == "scoring faq train"


def test_held_out_questions_are_counted_once_each_and_judged(answered_faq, learned):
    facts = learned.facts.held_out
    assert 0 <= facts.accuracy <= 1
    assert facts.accuracy <= facts.mean_reciprocal_rank <= 1
    none = train(FaqData(answered_faq.originals)).facts.held_out
    assert (none.questions, none.accuracy, none.mean_reciprocal_rank) == (0, None, None)


def test_held_out_questions_take_no_part_in_what_judges_them():
    """Wordings with no word in common with their original are found only by a model that knows them."""
    originals = tuple(Original(number, number, f"alpha{number * 7919}") for number in range(12))
    duplicates = tuple(Duplicate(100 + number, number, f"{chr(98 + number) * 9}") for number in range(12))
    learned = train(FaqData(originals, duplicates))
    model = FaqModel(learned)
    best = model.match([duplicate.text for duplicate in duplicates]).argmax(axis=1)
    assert best.tolist() == places(originals, duplicates)
    assert learned.facts.held_out.accuracy == 0


def test_every_duplicate_is_held_out_once(faq):
    many = tuple(Duplicate(number, 101 + 100 * (number % 4), f"text {number}") for number in range(57))
    texts = wordings(faq.originals, many)
    parts = holding_out._parts(texts, Recipe())
    assert sorted(np.concatenate(parts).tolist()) == texts.duplicates.tolist()
    # No part has all duplicates of an original where others could have them.
    for part in parts:
        assert np.bincount(texts.owners[part], minlength=4).max() <= 2
    assert [part.tolist() for part in parts] == [part.tolist() for part in holding_out._parts(texts, Recipe())]


def test_of_very_many_duplicates_some_are_held_out(faq, monkeypatch):
    monkeypatch.setattr(holding_out, "_MOST_HELD_OUT", 40)
    many = tuple(Duplicate(number, 101, f"text {number}") for number in range(100))
    (part,) = holding_out._parts(wordings(faq.originals, many), Recipe(folds=5))
    assert len(part) == len(set(part.tolist())) == 20


def test_without_duplicates_calibration_starts_where_others_ended(faq, bert):
    data = FaqData(faq.originals)
    assert train(data).calibration == START_BY_WORDS
    assert train(data, Recipe(encoder=str(bert("mean")))).calibration == START_BY_MEANING
    assert START_BY_WORDS.threshold == DEFAULT_THRESHOLD


def test_an_original_without_words_is_never_matched():
    learned = train(FaqData((Original(1, 101, "?!"), Original(2, 201, "Where is it?"))))
    assert FaqModel(learned).match(["Where?"]).argmax() == 1
    assert learned.evidence.index.profiles()[[0]].nnz == 0


def test_refuses_texts_without_words():
    with pytest.raises(StartupError, match="nothing to train from"):
        train(FaqData((Original(1, 101, "?"), Original(2, 201, "!"))))


def test_refuses_an_encoder_that_is_not_there(faq, tmp_path):
    with pytest.raises(StartupError, match="cannot be read"):
        train(faq, Recipe(encoder=str(tmp_path)))


def test_progress_is_told_of_each_step(answered_faq, meaning_model):
    told = []
    train(answered_faq, meaning_model.learned.facts.recipe, progress=lambda *step: told.append(step))
    steps = list(dict.fromkeys(step for step, _, _ in told))
    assert steps == [
        "Embedding questions",
        "Embedding answers",
        "Reading words",
        "Holding out questions",
        "Sharpening profiles",
    ]
    assert ("Embedding questions", 7, 7) in told
    assert ("Embedding answers", 3, 3) in told
    assert all(0 <= done <= total for _, done, total in told)


# Public data


@pytest.fixture(scope="module")
def stackfaq(find_shared):
    directory = find_shared("faq")
    return read_faq(*(directory / f"stackfaq_{part}.tsv" for part in ("orig", "dup", "ans")))


@pytest.fixture(scope="module")
def halves(stackfaq):
    """Half of each original's duplicates to learn from, and the other half to ask."""
    groups = {original.answer_id: [] for original in stackfaq.originals}
    for duplicate in stackfaq.duplicates:
        groups[duplicate.answer_id].append(duplicate)
    learnt, asked = (
        tuple(duplicate for group in groups.values() for duplicate in islice(group, start, None, 2)) for start in (0, 1)
    )
    return FaqData(stackfaq.originals, learnt, stackfaq.answers), asked


@pytest.fixture(scope="module")
def encoder():
    if not is_available():
        pytest.skip("needs the extra `semantic`, with the weights of all-MiniLM-L6-v2")
    return DEFAULT_ENCODER


def accuracy(learned, questions):
    model = FaqModel.of(learned, max_text_length=100_000, default_top_k=None)
    best = model.match([question.text for question in questions]).argmax(axis=1)
    return np.mean(best == places(learned.originals, questions))


# Two folds in place of ten: what is held out decides how words and meaning are weighed, and takes most of the time.
def test_stackfaq_finds_held_out_duplicates_by_words(halves):
    data, asked = halves
    assert len(asked) == 624
    assert accuracy(train(data, Recipe(folds=2)), asked) >= 0.92


def test_stackfaq_finds_held_out_duplicates_by_meaning(halves, encoder):
    data, asked = halves
    learned = train(data, Recipe(folds=2, encoder=encoder))
    assert accuracy(learned, asked[::2]) >= 0.98


def test_stackfaq_finds_questions_without_having_seen_any_by_words(halves):
    data, asked = halves
    assert accuracy(train(FaqData(data.originals, (), data.answers)), asked) >= 0.75


def test_stackfaq_finds_questions_without_having_seen_any_by_meaning(halves, encoder):
    data, asked = halves
    learned = train(FaqData(data.originals, (), data.answers), Recipe(encoder=encoder))
    assert accuracy(learned, asked[::2]) >= 0.94


def test_javascript_questions_find_themselves_without_duplicates(find_shared):
    data = read_faq(find_shared("faq/javascript_questions.tsv"))
    model = FaqModel(train(data))
    best = model.match([original.text for original in data.originals]).argmax(axis=1)
    assert best.tolist() == list(range(182))
