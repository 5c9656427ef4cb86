from dataclasses import replace

import numpy as np
import pytest

from loadtest.in_process.faq_methods import Method, Scorer, cosines
from loadtest.in_process.faq_sets import Task
from loadtest.in_process.faq_trials import run

SURE, UNSURE = 0.9, 0.2


class Rejecting(Scorer):
    threshold = 0.5


def by_topic(data, seed):
    """Sure of what names the first topics, unsure of the rest, for which it takes the first original."""

    def score(texts):
        rows = np.zeros((len(texts), 4), np.float32)
        for row, text in enumerate(texts):
            place = next((p for p, topic in enumerate(("account", "invoice")) if topic in text), None)
            rows[row, place or 0] = UNSURE if place is None else SURE
        return rows

    return Rejecting(data, score)


METHOD = Method("by topic", by_topic, is_probable=True, rejects=True)


def test_a_trial_has_metrics_times_and_mistakes(faq):
    trial = run(METHOD, Task(faq, faq.duplicates), None)
    assert trial.metrics.accuracy_at[1] == 0.5
    assert trial.metrics.coverage == 0.5
    assert trial.training_seconds > 0
    assert trial.question_ms > 0
    assert len(trial.wrong) == 8
    question, original, taken, score = trial.wrong[0]
    assert (question, original) == ("How do I change the printer?", "What about the printer?")
    assert (taken, score) == ("What about the account?", pytest.approx(UNSURE))


def test_strangers_of_each_source_are_measured_with_all_questions(faq):
    strangers = {"far": ["nothing", "else"], "near": ["no account", "no", "none", "never"]}
    trial = run(METHOD, Task(faq, faq.duplicates, strangers=strangers), None)
    assert trial.metrics.strangers == 0
    far, near = trial.with_strangers["far"], trial.with_strangers["near"]
    assert (far.questions, far.strangers, near.questions, near.strangers) == (16, 2, 16, 4)
    assert (far.no_match_recall, near.no_match_recall) == (1, 0.75)
    assert (far.matched_precision, near.matched_precision) == (1, pytest.approx(8 / 9))
    assert far.no_match_precision == pytest.approx(2 / 10)


def test_a_method_that_cannot_reject_is_not_asked_strangers(faq):
    trial = run(replace(METHOD, rejects=False), Task(faq, faq.duplicates, strangers={"far": ["nothing"]}), None)
    assert trial.with_strangers == {}


def test_a_question_is_not_its_own_answer(faq):
    own = {original.text: place for place, original in enumerate(faq.originals)}
    asked = (replace(faq.duplicates[4], text=faq.originals[0].text),)
    cosine = cosines(None)[0]
    assert run(cosine, Task(faq, asked), None).metrics.mean_rank > 1
    alone = run(cosine, Task(replace(faq, duplicates=()), asked, own=own), None)
    assert alone.metrics.mean_rank == 1
    assert not run(METHOD, Task(faq, asked, own=own), None).is_probable


def test_training_time_includes_embedding_that_was_done_before(faq, embedding, encoder, monkeypatch):
    method = cosines(embedding)[2]
    run(method, Task(faq, faq.duplicates), embedding)
    asked = len(encoder.asked)
    monkeypatch.setattr(
        "loadtest.in_process.faq_embedding.Embedding.spared", property(lambda _: 1e6, lambda *_: None), raising=False
    )
    again = run(method, Task(faq, faq.duplicates, seed=1), embedding)
    assert again.training_seconds > 1e6
    # Only the questions that were timed, one at a time.
    assert all(len(texts) == 1 for texts in encoder.asked[asked:])
