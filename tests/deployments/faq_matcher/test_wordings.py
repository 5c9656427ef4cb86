from deployments.faq_matcher.data import Answer, Duplicate, FaqData, Original
from deployments.faq_matcher.wordings import answers_read, best_answers, wordings

ORIGINALS = (Original(1, 101, "How?"), Original(2, 201, "Where?"), Original(3, 301, "Why?"))


def test_originals_stand_before_duplicates():
    duplicates = [Duplicate(11, 201, "At which place?"), Duplicate(12, 101, "In which way?")]
    result = wordings(ORIGINALS, iter(duplicates))
    assert result.texts == ["How?", "Where?", "Why?", "At which place?", "In which way?"]
    assert result.owners.tolist() == [0, 1, 2, 1, 0]
    assert result.originals == 3
    assert result.duplicates.tolist() == [3, 4]


def test_originals_may_have_no_duplicates():
    result = wordings(ORIGINALS, ())
    assert result.duplicates.tolist() == []
    assert result.owners.tolist() == [0, 1, 2]


ANSWERS = (Answer(102, 1, "also so"), Answer(101, 1, "like  this"), Answer(103, 1, "or so"), Answer(202, 2, "there"))


def test_the_best_answer_is_read_first():
    data = FaqData(ORIGINALS, (), ANSWERS)
    assert answers_read(data, 400) == ["like this also so or so", "there", ""]
    assert answers_read(data, 3) == ["like this also", "there", ""]


def test_the_answer_to_give_is_the_one_named_else_the_first():
    assert best_answers(FaqData(ORIGINALS, (), ANSWERS)) == ("like  this", "there", None)
    two = (Answer(202, 2, "there"), Answer(203, 2, "elsewhere"))
    assert best_answers(FaqData(ORIGINALS, (), two)) == (None, "there", None)


def test_an_answer_that_is_named_by_another_question_is_not_its_own():
    data = FaqData((Original(1, 201, "How?"), Original(2, 202, "Where?")), (), (Answer(201, 2, "there"),))
    assert best_answers(data) == (None, "there")
