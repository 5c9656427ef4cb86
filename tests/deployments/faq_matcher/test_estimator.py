import inspect
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed, and without it there is no estimator.")

from pydantic import ValidationError
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from deployments.faq_matcher.estimator import FaqClassifier
from deployments.faq_matcher.recipe import Recipe

ASKED = ("How do I delete my {}?", "Removing the {}", "get rid of a {} for good", "{} no longer wanted")
THINGS = {"printer": "hardware", "password": "access", "invoice": "billing"}
TEXTS = [text.format(thing) for text in ASKED for thing in THINGS]
LABELS = [*THINGS.values()] * len(ASKED)


@pytest.fixture(scope="module")
def fitted():
    return FaqClassifier(rounds=2).fit(TEXTS, LABELS)


def reversed_texts(texts):
    return [text[::-1] for text in texts]


def test_takes_every_setting_of_a_recipe():
    assert list(inspect.signature(FaqClassifier).parameters) == list(Recipe.model_fields)


def test_settings_reach_the_training(fitted):
    assert fitted.model_.learned.facts.recipe == Recipe(rounds=2)
    with pytest.raises(ValidationError, match="rounds"):
        FaqClassifier(rounds=-1).fit(TEXTS, LABELS)


def test_predicts_labels(fitted):
    assert fitted.classes_.tolist() == ["access", "billing", "hardware"]
    assert fitted.predict(["my printer", "that invoice", "a password"]).tolist() == ["hardware", "billing", "access"]
    assert fitted.score(TEXTS, LABELS) == 1


def test_probabilities_are_shares_of_the_labels(fitted):
    probabilities = fitted.predict_proba(["my printer", "", "something else"])
    assert probabilities.shape == (3, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert probabilities[0].argmax() == 2


def test_the_first_text_of_a_label_is_its_original_unless_given(fitted):
    texts = {original.id: original.text for original in fitted.model_.originals}
    assert texts["billing"] == "How do I delete my invoice?"
    given = dict.fromkeys(THINGS.values(), "What about it?")
    learned = FaqClassifier(rounds=0).fit(TEXTS, LABELS, originals=given).model_.learned
    assert {original.text for original in learned.originals} == {"What about it?"}
    assert (len(fitted.model_.learned.duplicates), len(learned.duplicates)) == (9, 12)
    with pytest.raises(ValueError, match="'hardware' has no text"):
        FaqClassifier().fit(TEXTS, LABELS, originals={"access": "x", "billing": "y"})


def test_integers_are_labels_as_well():
    numbers = np.array([30, 20, 10] * 4)
    predicted = FaqClassifier(rounds=0).fit(np.array(TEXTS), numbers).predict(["printer", "invoice"])
    assert predicted.tolist() == [30, 10]


@pytest.mark.parametrize("labels", [LABELS[:-1], [1.5] * 12, [True] * 12])
def test_refuses_labels_that_do_not_fit(labels):
    with pytest.raises(ValueError, match=r"12 texts and 11 labels|must be integers, or text"):
        FaqClassifier().fit(TEXTS, labels)


def test_refuses_what_is_no_text(fitted):
    with pytest.raises(ValueError, match="sequence of texts"):
        fitted.predict([["a"], ["b"]])
    with pytest.raises(NotFittedError):
        FaqClassifier().predict(TEXTS)


def test_is_cloned_with_its_settings(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "model_")


def test_is_cross_validated():
    scores = cross_val_score(FaqClassifier(rounds=1), TEXTS, LABELS, cv=2)
    assert scores.tolist() == [1, 1]


def test_takes_part_in_pipelines_and_searches():
    pipeline = make_pipeline(FunctionTransformer(reversed_texts), FaqClassifier())
    search = GridSearchCV(pipeline, {"faqclassifier__rounds": [0, 1]}, cv=2, scoring="neg_log_loss")
    search.fit(TEXTS, LABELS)
    assert search.predict(["printer"]).tolist() == ["hardware"]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    model = search.best_estimator_[-1].model_
    assert model.originals[0].text == "?drowssap ym eteled I od woH"


def test_pickles(fitted):
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301
    assert again.predict(TEXTS).tolist() == fitted.predict(TEXTS).tolist()
