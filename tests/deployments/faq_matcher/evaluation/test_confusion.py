from deployments.faq_matcher.data import Duplicate, Original
from deployments.faq_matcher.evaluation.confusion import confusions
from deployments.faq_matcher.evaluation.judging import judge


def test_counts_for_each_original(judgements):
    found = [
        (each.place, each.questions, each.right, each.unmatched, each.confused_with, each.strangers)
        for each in confusions(judgements)
    ]
    # Of the second, one question went to the first and a stranger came.
    assert found == [(1, 2, 1, 1, ((0, 1),), 1), (2, 1, 0, 0, ((0, 1),), 0), (0, 2, 2, 0, (), 0)]


def test_most_frequent_confusions_come_first(make_matcher):
    originals = tuple(Original(place, place, "?") for place in range(4))
    odds = {"a": [0, 0, 1, 0], "b": [0, 0, 0, 1], "c": [0, 0, 0, 1], "d": [0, 1, 0, 0]}
    questions = [Duplicate(number, 0, text) for number, text in enumerate("abcd")]
    (only,) = confusions(judge(make_matcher(odds, originals), questions))
    assert only.confused_with == ((3, 2), (1, 1), (2, 1))
    assert only.wrong == 4


def test_an_original_without_questions_shows_when_it_attracts_strangers(make_matcher):
    odds = {"own": [1, 0, 0], "stranger": [0, 0, 1], "refused": [0, 0.1, 0]}
    found = confusions(judge(make_matcher(odds), [Duplicate(1, 101, "own")], ["stranger", "refused"]))
    assert [(each.place, each.questions, each.strangers) for each in found] == [(2, 0, 1), (0, 1, 0)]
