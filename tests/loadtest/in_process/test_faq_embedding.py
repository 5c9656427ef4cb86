from dataclasses import replace

import numpy as np


def test_each_text_is_embedded_once(embedding, encoder):
    first = embedding.of(["one", "two", "one"])
    second = embedding.of(["three", "two"])
    assert encoder.asked == [["one", "two"], ["three"]]
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(first[1], second[1])


def test_answers_are_apart_from_questions_and_zero_where_there_is_none(faq, embedding, encoder):
    text = faq.answers[1].text
    embedding.of([text])
    rows = embedding.of_answers(replace(faq, answers=faq.answers[1:2]))
    assert encoder.asked == [[text], [text]]
    assert rows.any(axis=1).tolist() == [False, True, False, False]


def test_a_text_that_is_forgotten_is_embedded_again(embedding, encoder):
    embedding.of(["one", "two"])
    embedding.forget(["one", "never seen"])
    embedding.of(["one", "two"])
    assert encoder.asked == [["one", "two"], ["one"]]


def test_time_that_memory_spares_counts_once_for_each_text(embedding):
    embedding.of(["one", "two"])
    embedding.start()
    embedding.of(["one", "new"])
    spared = embedding.spared
    assert spared > 0
    embedding.of(["one", "new"])
    assert embedding.spared == spared
    embedding.start()
    assert embedding.spared == 0
