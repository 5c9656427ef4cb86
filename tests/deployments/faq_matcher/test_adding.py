import hashlib
from dataclasses import replace

import numpy as np
import pytest

from deployments.contracts import Question
from deployments.errors import StartupError
from deployments.faq_matcher import material, storage, training
from deployments.faq_matcher.adding import add, extended
from deployments.faq_matcher.additions import read_additions
from deployments.faq_matcher.data import Answer, Duplicate, FaqData, Original
from deployments.faq_matcher.features import FeatureSettings, fit_features
from deployments.faq_matcher.meanings import unit
from deployments.faq_matcher.model import FaqModel
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.training import train

NEW = (Original(5, 501, "Where can I see my invoices?"), Original(6, 601, "How do I connect a printer?"))
MORE = (
    Duplicate(5001, 501, "Finding last month's bill"),
    Duplicate(5002, 501, "show bills"),
    Duplicate(2002, 201, "Archive the messages of a year"),
)
ANSWERS = (Answer(501, 5, "Under billing."), Answer(901, 1, "In the settings."), Answer(902, 5, "Ask us."))


class Bags:
    """A small encoder: words are random directions."""

    name, sha256, dimensions = "bags", "0" * 64, 16

    def encode(self, texts, progress=None, max_tokens=None):
        if progress is not None:
            progress(len(texts))
        rows = np.array([self._row(text) for text in texts], np.float32).reshape(len(texts), self.dimensions)
        return unit(rows)

    def _row(self, text):
        seeds = [int(hashlib.md5(word.encode()).hexdigest()[:8], 16) for word in text.lower().split()]  # noqa: S324
        return sum(np.random.default_rng(seed).standard_normal(self.dimensions) for seed in seeds)


ENCODER = Bags()


@pytest.fixture
def semantic(faq, monkeypatch):
    monkeypatch.setattr(training, "load_encoder", lambda *_, **__: Bags())
    monkeypatch.setattr(training, "SEMANTIC_LIBRARIES", ())
    return train(FaqData(faq.originals, faq.duplicates, (Answer(101, 1, "Write to us."),)), Recipe(encoder="bags"))


def best(learned, text):
    return FaqModel(learned).score([Question(text)])[0].ids[0]


def together(faq, originals=(), duplicates=(), answers=()):
    return FaqData(faq.originals + originals, faq.duplicates + duplicates, faq.answers + answers)


def profiles(learned):
    return learned.evidence.index.profiles().toarray()


def test_new_originals_and_wordings_are_found(learned):
    after, changes = add(learned, NEW, MORE, ANSWERS)
    for wording in (*NEW, *MORE):
        owner = next(original for original in after.originals if original.answer_id == wording.answer_id)
        assert best(after, wording.text) == owner.id
    assert best(after, "the bills please") == 5
    assert best(after, "printer broken") == 6
    assert [arrival.text for arrival in changes.arrivals] == [wording.text for wording in (*NEW, *MORE)]
    assert all(arrival.is_found and 0.5 < arrival.probability <= 1 for arrival in changes.arrivals)
    assert (changes.originals, changes.duplicates, changes.answers) == (2, 3, 3)


def test_what_nothing_joins_stays_as_it_was(learned):
    known = learned.evidence.features.count
    after, changes = add(learned, NEW, MORE, ANSWERS[:1])
    assert after.evidence.features.count == known + changes.features
    assert np.array_equal(after.evidence.features.hashes[:known], learned.evidence.features.hashes)
    assert np.array_equal(after.evidence.features.idf[:known], learned.evidence.features.idf)
    untouched = [0, 2, 3]
    assert np.array_equal(profiles(after)[untouched, :known], profiles(learned)[untouched])
    assert not profiles(after)[untouched, known:].any()
    assert not np.array_equal(profiles(after)[1, :known], profiles(learned)[1])
    assert after.calibration == learned.calibration
    assert (changes.compared, changes.moved, changes.moves) == (7, 0, ())


def test_the_model_itself_is_not_changed(learned):
    before = profiles(learned)
    add(learned, NEW, MORE, ANSWERS)
    assert np.array_equal(profiles(learned), before)
    assert len(learned.originals) == 4
    assert learned.facts.additions == ()


@pytest.mark.parametrize("joins", [(NEW, MORE, ANSWERS), (NEW, (), ()), ((), MORE[2:], ()), ((), (), ANSWERS[1:2])])
def test_without_sharpening_adding_equals_training(faq, monkeypatch, joins):
    recipe = Recipe(rounds=0)
    after, _ = add(train(faq, recipe), *joins)
    monkeypatch.setattr(material, "fit_features", lambda *_: after.evidence.features)
    whole = train(together(faq, *joins), recipe)
    np.testing.assert_allclose(profiles(after), profiles(whole), atol=1e-6)
    assert (after.originals, after.duplicates, after.answers) == (whole.originals, whole.duplicates, whole.answers)


def test_with_an_encoder_adding_equals_training(faq, semantic, monkeypatch):
    after, changes = add(semantic, NEW, MORE, ANSWERS, ENCODER)
    data = together(faq, NEW, MORE, (Answer(101, 1, "Write to us."), *ANSWERS))
    known, whole = after.evidence.meanings, train(data, Recipe(encoder="bags")).evidence.meanings
    assert np.array_equal(known.starts, whole.starts)
    assert np.array_equal(known.wordings, whole.wordings)
    embedding = Bags().encode(["show bills"])[0]
    np.testing.assert_allclose(known.similarities(embedding), whole.similarities(embedding), atol=0.01)
    assert FaqModel(after, Bags()).score([Question("show bills")])[0].ids[0] == 5
    assert all(arrival.is_found for arrival in changes.arrivals)
    assert (changes.compared, changes.moved) == (7, 0)


def test_what_sharpening_taught_stays(faq):
    sharp, flat = train(faq, Recipe(rounds=6, sharpness=2)), train(faq, Recipe(rounds=0))
    taught = profiles(sharp) - profiles(flat)
    after, plain = (add(learned, (), MORE[2:])[0] for learned in (sharp, flat))
    known = sharp.evidence.features.count
    np.testing.assert_allclose((profiles(after) - profiles(plain))[:, :known], taught, atol=1e-6)
    assert np.abs(taught[1]).max() > 0.01


def test_a_new_original_is_as_long_as_others_with_duplicates(faq):
    learned = train(faq, Recipe(rounds=6, sharpness=2))
    after, _ = add(learned, NEW, MORE)
    lengths = np.linalg.norm(profiles(after), axis=1)
    before = np.linalg.norm(profiles(learned), axis=1)
    assert lengths[4] == pytest.approx(before[:2].mean(), rel=1e-5)
    assert lengths[5] == pytest.approx(before[2:].mean(), rel=1e-5)
    assert lengths[4] > 1.01


def test_moves_are_told(faq):
    recipe = Recipe(rounds=0)
    learned = train(FaqData((*faq.originals, Original(9, 901, "Something else entirely")), faq.duplicates), recipe)
    _, changes = add(learned, (Original(5, 501, "Removing the account"),), ())
    assert changes.moved == 1
    (move,) = changes.moves
    assert (move.text, move.own.id, move.before.id, move.after.id) == ("Removing the account", 1, 1, 5)


def test_the_named_answer_is_given(faq):
    learned = train(FaqData(faq.originals, (), (Answer(102, 1, "An older one."),)))
    assert add(learned, answers=(Answer(103, 1, "Another."),))[0].answers[0] == "An older one."
    assert add(learned, answers=(Answer(101, 1, "The best."),))[0].answers[0] == "The best."
    added = add(learned, answers=(Answer(201, 2, "So."),))[0]
    assert added.answers[:2] == ("An older one.", "So.")
    assert "so" not in faq.originals[1].text.lower().split()
    assert profiles(added)[1].any()
    assert FaqModel(added).score([Question("So")])[0].ids[0] == 2


def test_facts_tell_what_joined_and_when_to_train_again(learned):
    once, changes = add(learned, NEW[:1])
    assert (changes.added_share, changes.retrain_advised) == (1 / 7, False)
    twice, changes = add(once, NEW[1:])
    assert (changes.added_share, changes.retrain_advised) == (2 / 7, True)
    assert [(each.originals, each.duplicates) for each in twice.facts.additions] == [(1, 0), (1, 0)]
    assert twice.facts.data_fingerprint == learned.facts.data_fingerprint


def test_adding_twice_equals_adding_at_once(faq):
    learned = train(faq, Recipe(rounds=0))
    once, _ = add(learned, NEW, MORE)
    twice, _ = add(add(learned, NEW)[0], (), MORE)
    texts = [wording.text for wording in (*NEW, *MORE, *faq.originals)]
    assert FaqModel(once).match(texts).argmax(axis=1).tolist() == FaqModel(twice).match(texts).argmax(axis=1).tolist()
    assert once.duplicates == twice.duplicates


@pytest.mark.parametrize("with_encoder", [False, True])
def test_a_model_with_additions_is_saved_and_read(learned, semantic, tmp_path, with_encoder):
    after, _ = add(semantic, NEW, MORE, ANSWERS, ENCODER) if with_encoder else add(learned, NEW, MORE, ANSWERS)
    storage.write(tmp_path / "model", after)
    again = storage.read(tmp_path / "model")
    assert again.facts == after.facts
    assert np.array_equal(profiles(again), profiles(after))
    assert (again.evidence.meanings is None) is not with_encoder


def test_an_encoder_that_is_another_is_refused(semantic, monkeypatch):
    other = replace(semantic, facts=semantic.facts.model_copy(deep=True))
    facts = other.facts.encoder.model_copy(update={"sha256": "1" * 64})
    other = replace(other, facts=other.facts.model_copy(update={"encoder": facts}))
    monkeypatch.setattr("deployments.faq_matcher.encoders.load_encoder", lambda *_, **__: Bags())
    assert add(semantic, NEW)[1].originals == 2
    with pytest.raises(StartupError, match="is not the one that the FAQ model was trained with"):
        add(other, NEW)


def test_new_features_weigh_as_if_counted_with_the_rest():
    settings = FeatureSettings((3,), 0.4, 25)
    first, new = ["alpha beta", "alpha"], ["alpha gamma", "gamma", "delta"]
    both, whole = extended(fit_features(first, settings), new, 5), fit_features([*first, *new], settings)
    idf = dict(zip(whole.hashes.tolist(), whole.idf.tolist(), strict=True))
    known = fit_features(first, settings).count
    assert whole.count == both.count
    for key, weight in list(zip(both.hashes.tolist(), both.idf.tolist(), strict=True))[known:]:
        assert weight == pytest.approx(idf[key])
    assert extended(both, [], 5).count == both.count


# Tables


@pytest.fixture
def table(tmp_path):
    def table(name, *rows):
        path = tmp_path / f"{name}.tsv"
        path.write_text("\n".join("\t".join(map(str, row)) for row in rows) + "\n", encoding="utf-8")
        return path

    return table


QUESTION_HEAD, ANSWER_HEAD = ("Id", "AnswerId", "Text0"), ("Id", "QuestionId", "Text0")


def test_reads_what_joins(faq, table):
    found = read_additions(
        faq.originals,
        faq.duplicates,
        questions=table("q", QUESTION_HEAD, (5, 501, "Where?")),
        wordings=table("d", QUESTION_HEAD, (5001, 501, "At which place?"), (1003, 101, "Close it")),
        answers=table("a", ANSWER_HEAD, (501, 5, "Here."), (102, 1, "Again.")),
    )
    assert found.originals == (Original(5, 501, "Where?"),)
    assert found.duplicates == (Duplicate(5001, 501, "At which place?"), Duplicate(1003, 101, "Close it"))
    assert found.answers == (Answer(501, 5, "Here."), Answer(102, 1, "Again."))


def test_ids_are_text_where_those_of_the_model_are(table):
    originals = (Original("a", "x", "Why?"),)
    found = read_additions(originals, (), questions=table("q", QUESTION_HEAD, (5, 501, "Where?")))
    assert found.originals == (Original("5", "501", "Where?"),)


@pytest.mark.parametrize(
    ("kind", "row", "said"),
    [
        ("questions", (1, 501, "Where?"), "line 2: Id is '1', which the model has already"),
        ("questions", ("five", 501, "Where?"), "line 2: Id is 'five' where such ids in the model are integers"),
        ("questions", (5, "x", "Where?"), "line 2: AnswerId is 'x' where such ids in the model are integers"),
        ("questions", (5, 101, "Where?"), "line 2: AnswerId is '101', by which duplicates in the model name another"),
        ("questions", (5, 501, "?"), "line 2: Text0 has no letters or digits"),
        ("questions", (5, "", "Where?"), "line 2: AnswerId is empty"),
        ("wordings", (1001, 101, "Where?"), "line 2: Id is '1001', which the model has already"),
        ("wordings", (1009, 999, "Where?"), "line 2: AnswerId is '999', which is the AnswerId of no original question"),
        ("answers", (1, 99, "There."), "line 2: QuestionId is '99', which is the Id of no original question"),
    ],
)
def test_refuses_rows_that_do_not_go_with_the_model(faq, table, kind, row, said):
    head = ANSWER_HEAD if kind == "answers" else QUESTION_HEAD
    with pytest.raises(StartupError) as refused:
        read_additions(faq.originals, faq.duplicates, **{kind: table(kind, head, row)})
    assert f"{kind}.tsv, {said}" in str(refused.value)


def test_refuses_ids_twice_and_answers_that_two_originals_share(faq, table):
    twice = table("twice", QUESTION_HEAD, (5, 501, "Where?"), (5, 502, "When?"))
    with pytest.raises(StartupError, match=r"twice\.tsv, line 3: Id is '5' again, as in line 2"):
        read_additions(faq.originals, (), questions=twice)
    shared = table("shared", QUESTION_HEAD, (5, 401, "Where?"))
    new = table("new", QUESTION_HEAD, (4001, 401, "The password"))
    with pytest.raises(StartupError, match=r"new\.tsv, line 2: AnswerId is '401', which 2 original questions share"):
        read_additions(faq.originals, faq.duplicates, questions=shared, wordings=new)


def test_refuses_nothing(faq, table):
    with pytest.raises(StartupError, match="There is nothing to add"):
        read_additions(faq.originals, faq.duplicates)
    with pytest.raises(StartupError, match="There is nothing to add"):
        read_additions(faq.originals, (), questions=table("q", QUESTION_HEAD))
