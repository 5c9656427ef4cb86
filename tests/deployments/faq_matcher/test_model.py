import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.contracts import Matches, Question
from deployments.errors import InvalidInput, InvalidText, ScoringError, StartupError
from deployments.faq_matcher.data import Answer, Duplicate, FaqData, Original
from deployments.faq_matcher.model import DETAILED, MOST_DETAILED, FaqModel
from deployments.faq_matcher.training import train

any_text = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(categories=["Cs", "Mn", "So", "Cc", "L"]), max_size=20),
    st.sampled_from(["How do I delete my account?", "KENNWORT ÄNDERN", "delete " * 50, "zzz" * 500]),
)


@pytest.fixture(scope="module")
def answering(answered_faq):
    return FaqModel(train(answered_faq))


@pytest.fixture(scope="module")
def large():
    """A model with more originals than may be explained."""
    originals = [Original(number, number, f"Question {number} of many") for number in range(MOST_DETAILED + 20)]
    answers = [Answer(number, number, f"Answer {number}") for number in range(0, MOST_DETAILED + 20, 2)]
    return FaqModel(train(FaqData(tuple(originals), (), tuple(answers))))


def asked(model, text, *arguments, **settings_of_question):
    (matches,) = model.score([Question(text, *arguments, **settings_of_question)])
    assert isinstance(matches, Matches), matches
    return matches


def test_ranks_every_original_best_first(model):
    matches = asked(model, "delete account")
    assert matches.ids[0] == 1
    assert matches.answer_ids[0] == 101
    assert sorted(matches.ids) == [1, 2, 3, 4]
    assert (matches.answers, matches.explanations) == (None, None)
    assert all(type(value) is float for value in matches.probabilities)
    assert all(type(value) is int for value in matches.ids + matches.answer_ids)
    assert type(matches.matched) is bool


def test_scores_are_what_matching_gives(model, meaning_model):
    for each in (model, meaning_model):
        for text in ("delete account", "Kennwort", "unknown"):
            matches, (row,) = asked(each, text), each.match([text])
            assert [matches.probabilities[matches.ids.index(number)] for number in (1, 2, 3, 4)] == row.tolist()
            assert row.sum() < 1


def test_top_k_of_the_question_goes_before_the_default(learned):
    model = FaqModel(learned, default_top_k=2)
    answered = model.score([Question("account"), Question("account", 1), Question("account", 99)])
    assert [len(matches.ids) for matches in answered] == [2, 1, 4]


def test_a_question_that_cannot_be_scored_leaves_the_others_alone(learned):
    model = FaqModel(learned, max_text_length=30)
    questions = [
        Question(""),
        Question("delete account"),
        Question(" \n\t"),
        Question("?! 👍"),
        Question("x" * 31),
        Question("images", 0),
        Question("image formats"),
    ]
    answered = model.score(questions)
    kinds = [InvalidText, Matches, InvalidText, InvalidText, InvalidText, InvalidInput, Matches]
    assert [type(answer) for answer in answered] == kinds
    assert answered[1].ids[0] == 1
    assert answered[6].ids[0] == 3
    assert answered[2].message == "The question is empty."
    assert answered[3].message == "The question has no letters or digits."
    assert answered[4].message == "The question has 31 characters; at most 30 are allowed."
    assert answered[5].message == "top_k is 0; it must be at least 1."


def test_errors_travel_between_processes(model):
    (error,) = model.score([Question("")])
    assert pickle.loads(pickle.dumps(error)).message == "The question is empty."  # noqa: S301


def test_unknown_words_speak_for_none(model):
    matches = asked(model, "qqqq zzzz")
    assert max(matches.probabilities) == pytest.approx(min(matches.probabilities))
    assert not matches.matched
    assert matches.ids == [1, 2, 3, 4]


def test_no_questions_give_no_answers(model, meaning_model):
    for each in (model, meaning_model):
        assert each.score([]) == []
        assert each.match([]).shape == (0, 4)


def test_a_text_of_a_megabyte_is_scored_where_it_is_allowed(learned, model):
    refused, _ = model.score([Question("z" * 1_000_000), Question("account")])
    assert "has 1000000 characters" in refused.message
    patient = FaqModel(learned, max_text_length=2_000_000)
    answered = patient.score([Question("delete account " * 70_000), Question("z" * 1_000_000)])
    assert answered[0].ids[0] == 1
    assert sum(answered[1].probabilities) < 1


# Thresholds


def test_a_threshold_leaves_out_what_is_less_probable(model):
    everything = asked(model, "delete the account, export messages")
    assert len(set(everything.probabilities)) == 4
    some = asked(model, "delete the account, export messages", threshold=everything.probabilities[1])
    assert some.probabilities == everything.probabilities[:2]
    assert some.matched
    none = asked(model, "delete account", threshold=1)
    assert (none.ids, none.answer_ids, none.probabilities, none.matched) == ([], [], [], False)
    assert len(asked(model, "delete account", threshold=0).ids) == 4


def test_the_trained_threshold_is_the_models_own(model):
    known, unknown = "How do I delete my account?", "zzzz"
    assert asked(model, known).probabilities[0] >= model.threshold
    assert asked(model, known, threshold="trained").ids == [1]
    assert asked(model, unknown, threshold="trained").ids == []
    assert not asked(model, unknown, threshold="trained").matched


def test_without_a_threshold_the_models_own_says_whether_there_is_a_match(model):
    assert asked(model, "How do I delete my account?", 2).matched
    assert not asked(model, "zzzz", 2).matched
    assert len(asked(model, "zzzz", 2).ids) == 2


def test_the_threshold_is_inclusive(model):
    (best,) = asked(model, "delete account", 1).probabilities
    assert asked(model, "delete account", 1, threshold=best).matched
    assert not asked(model, "delete account", 1, threshold=best + 1e-6).matched


def test_top_k_and_threshold_bound_together(model):
    assert len(asked(model, "delete account", 2, threshold=0).ids) == 2
    assert len(asked(model, "zzzz", 2, threshold=0.999, answers=True, explain=True).explanations) == 0


# Answers and explanations


def test_answers_stand_beside_their_matches(answering):
    matches = asked(answering, "delete account", answers=True)
    expected = {
        1: "Open the settings and choose Close.",
        2: "In the menu, choose Export.",
        3: None,
        4: "In den Einstellungen.",
    }
    assert matches.answers == [expected[number] for number in matches.ids]
    assert matches.explanations is None


@pytest.mark.parametrize("text", ["delete account", "delete the image file account " * 9, "zzzz", "Wie Kennwort"])
def test_explanations_add_up_to_the_models_own_scores(model, meaning_model, text):
    for each in (model, meaning_model):
        matches = asked(each, text, explain=True)
        calibration = each.learned.calibration
        (logits,) = each._logits([text])
        odds = np.exp(np.array([explanation.score for explanation in matches.explanations]))
        # The score of `none` is 0.
        np.testing.assert_allclose(matches.probabilities, odds / (1 + odds.sum()), atol=1e-3)
        for number, explanation in zip(matches.ids, matches.explanations, strict=True):
            assert explanation.score == pytest.approx(float(logits[number - 1]) - calibration.none, abs=1e-3)
            assert sum(weight for _, weight in explanation.terms) + explanation.other == pytest.approx(
                explanation.score, abs=1e-4
            )


def test_details_are_given_of_a_few_where_no_number_is_named(large):
    assert len(asked(large, "Question 7", answers=True).ids) == DETAILED
    assert len(asked(large, "Question 7", explain=True).explanations) == DETAILED
    assert len(asked(large, "Question 7").ids) == MOST_DETAILED + 20


def test_details_are_given_of_so_many_at_most(large):
    matches = asked(large, "Question 7", MOST_DETAILED, answers=True, explain=True)
    assert len(matches.ids) == len(matches.answers) == len(matches.explanations) == MOST_DETAILED
    for detail in ({"answers": True}, {"explain": True}):
        (error,) = large.score([Question("Question 7", MOST_DETAILED + 1, **detail)])
        assert isinstance(error, InvalidInput)
        assert f"at most {MOST_DETAILED}" in error.message
    patient = FaqModel(large.learned, default_top_k=MOST_DETAILED + 1)
    assert len(asked(patient, "Question 7", explain=True).ids) == MOST_DETAILED


def test_asking_for_details_changes_no_probability(model, meaning_model):
    for each in (model, meaning_model):
        plain = asked(each, "delete account")
        detailed = asked(each, "delete account", answers=True, explain=True)
        np.testing.assert_allclose(detailed.probabilities, plain.probabilities, atol=1e-6)
        assert detailed.ids == plain.ids


# Any text


@given(st.lists(st.tuples(any_text, st.none() | st.integers(-1, 6), st.booleans()), max_size=5))
def test_any_text_is_ranked_or_refused(model, drawn):
    answered = model.score([Question(text, top_k, explain=explain) for text, top_k, explain in drawn])
    assert len(answered) == len(drawn)
    for (text, top_k, explain), answer in zip(drawn, answered, strict=True):
        if isinstance(answer, ScoringError):
            has_letters = any(character.isalnum() for character in text)
            assert not has_letters or (top_k is not None and top_k < 1)
            continue
        expected = 4 if top_k is None else min(top_k, 4)
        assert len(answer.ids) == len(answer.answer_ids) == len(answer.probabilities) == expected
        assert answer.probabilities == sorted(answer.probabilities, reverse=True)
        assert len(set(answer.ids)) == expected
        assert 0 < sum(answer.probabilities) < 1
        assert (answer.explanations is not None) == explain


@given(st.lists(any_text, min_size=1, max_size=5))
def test_a_text_is_answered_alike_alone_and_in_company(model, texts):
    alone = np.concatenate([model.match([text]) for text in texts])
    assert np.array_equal(model.match(texts), alone)


@given(st.lists(any_text.filter(str.strip), min_size=1, max_size=4))
@settings(max_examples=25)
def test_with_an_encoder_too(meaning_model, texts):
    alone = np.concatenate([meaning_model.match([text]) for text in texts])
    # Embeddings have half the digits.
    np.testing.assert_allclose(meaning_model.match(texts), alone, atol=0.1)


# What is known


def test_one_original_is_matched_or_not():
    data = FaqData((Original(1, 101, "How?"),))
    model = FaqModel(train(data))
    assert asked(model, "How?").matched
    assert not asked(model, "zzzz").matched
    worded = FaqModel(train(FaqData(data.originals, (Duplicate(2, 101, "In which way?"),))))
    assert worded.match(["How?", "which way"]).min() > worded.match(["zzzz"]).max()


def test_originals_are_enough():
    originals = tuple(Original(number, number, text) for number, text in enumerate(["How?", "Where is it?", "Why so?"]))
    model = FaqModel(train(FaqData(originals)))
    assert model.match([original.text for original in originals]).argmax(axis=1).tolist() == [0, 1, 2]


@pytest.mark.parametrize(("ids", "datatype"), [((1, 2), "INT64"), (("one", "2"), "BYTES"), ((1, "two"), "BYTES")])
def test_ids_are_given_as_they_are(ids, datatype):
    model = FaqModel(train(FaqData(tuple(Original(number, number, f"word{number} here") for number in ids))))
    matches = asked(model, f"word{ids[1]} here")
    assert matches.ids == matches.answer_ids == [ids[1], ids[0]]
    assert [tensor.datatype for tensor in model.describe().outputs[:2]] == [datatype, datatype]


def test_equal_ones_are_in_the_order_of_the_faq():
    originals = tuple(Original(number, number, "How?") for number in range(300, 0, -1))
    model = FaqModel(train(FaqData(originals)))
    for top_k in (None, 3):
        matches = asked(model, "How?", top_k)
        assert matches.ids == list(range(300, 0, -1))[:top_k]
        assert len(set(matches.probabilities)) == 1


def test_describes_itself(model, meaning_model):
    description = model.describe()
    assert (description.platform, description.weights, description.preset) == ("numba", "trained", None)
    assert [(tensor.name, tensor.datatype) for tensor in description.outputs] == [
        ("ids", "INT64"),
        ("answer_ids", "INT64"),
        ("probabilities", "FP32"),
        ("matched", "BOOL"),
    ]
    parameters = description.parameters
    assert (parameters["originals"], parameters["duplicates"], parameters["answers"]) == (4, 3, 0)
    assert parameters["features"] == model.learned.evidence.features.count
    assert parameters["threshold"] == pytest.approx(model.threshold, abs=1e-4)
    assert parameters["encoder"] == "none"
    assert meaning_model.describe().parameters["encoder"] == meaning_model.learned.facts.encoder.name
    assert meaning_model.describe().parameters["answers"] == 3


def test_another_encoder_than_the_trained_one_is_refused(meaning_model, tmp_path):
    meaning_model.save(tmp_path / "model")
    loaded = FaqModel.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.match(["delete account"]), meaning_model.match(["delete account"]), atol=1e-6)
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    manifest["training"]["encoder"]["sha256"] = "0" * 64
    (tmp_path / "model" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(StartupError, match="is not the one that the FAQ model was trained with"):
        FaqModel.load(tmp_path / "model")
