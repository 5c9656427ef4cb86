from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.errors import StartupError
from deployments.faq_matcher.data import Answer, Duplicate, FaqData, Original
from loadtest.in_process import faq_sets


def faq(*duplicates):
    """A FAQ whose originals have so many duplicates and one answer each."""
    return FaqData(
        tuple(Original(n, 100 + n, f"Question {n}") for n in range(len(duplicates))),
        tuple(
            Duplicate(1000 * n + k, 100 + n, f"Wording {n} {k}")
            for n, count in enumerate(duplicates)
            for k in range(count)
        ),
        tuple(Answer(100 + n, n, f"Answer {n}") for n in range(len(duplicates))),
    )


@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.integers(0, 5))
def test_each_original_gives_half_of_its_duplicates(counts, seed):
    data = faq(*counts)
    task = faq_sets.half_known(data, seed)
    assert {*task.data.duplicates, *task.asked} == set(data.duplicates)
    assert len(task.data.duplicates) + len(task.asked) == len(data.duplicates)
    for original, count in zip(data.originals, counts, strict=True):
        assert sum(each.answer_id == original.answer_id for each in task.asked) == count // 2
    assert task == faq_sets.half_known(data, seed)


def test_another_seed_splits_otherwise():
    data = faq(20, 20)
    assert set(faq_sets.half_known(data, 0).asked) != set(faq_sets.half_known(data, 1).asked)


def test_nothing_known_asks_every_duplicate():
    task = faq_sets.nothing_known(faq(2, 3))
    assert (len(task.data.duplicates), len(task.asked), len(task.data.answers)) == (0, 5, 2)


def test_strangers_are_a_fifth_of_all_and_drawn_by_the_seed():
    task = faq_sets.half_known(faq(40, 40), 3)
    texts = [str(number) for number in range(100)]
    mixed = faq_sets.with_strangers(faq_sets.with_strangers(task, "numbers", texts), "few", ["one"])
    drawn = mixed.strangers["numbers"]
    assert len(drawn) / (len(drawn) + len(task.asked)) == faq_sets.SHARE_OF_STRANGERS
    assert set(drawn) < set(texts)
    assert len(set(drawn)) == len(drawn)
    assert drawn != faq_sets.with_strangers(replace(task, seed=4), "numbers", texts).strangers["numbers"]
    assert mixed.strangers["few"] == ["one"]


def test_questions_of_originals_that_are_gone_become_strangers():
    task = faq_sets.half_known(faq(*[4] * 10), 1)
    fewer = faq_sets.without_some_originals(task, "gone")
    left = {original.answer_id for original in fewer.data.originals}
    assert len(left) == 8
    assert {each.answer_id for each in (*fewer.data.duplicates, *fewer.asked)} == left
    assert {answer.id for answer in fewer.data.answers} == left
    assert sorted(fewer.strangers["gone"]) == sorted(each.text for each in task.asked if each.answer_id not in left)
    assert len(fewer.strangers["gone"]) == 4


def test_titles_end_before_the_body():
    texts = ["What?\nI mean this.", "Why is <script> there?. <p>It is</p>"]
    data = FaqData(tuple(Original(number, number, text) for number, text in enumerate(texts)))
    assert faq_sets.titles(data) == ["What?", "Why is <script> there?"]


POSTS = """<?xml version="1.0" encoding="utf-8"?>
<posts>
  <row Id="1" PostTypeId="1" AcceptedAnswerId="11" Title="How?" Body="&lt;p&gt;So many ways&lt;/p&gt;" Tags="" />
  <row Id="2" PostTypeId="1" Title="Where?" Body="&lt;p&gt;Some places&lt;/p&gt;" Tags="" />
  <row Id="3" PostTypeId="1" Title="In which way?" Body="&lt;p&gt;No idea&lt;/p&gt;" Tags="" />
  <row Id="4" PostTypeId="1" Title="Unanswered?" Body="&lt;p&gt;Yes&lt;/p&gt;" Tags="" />
  <row Id="11" PostTypeId="2" ParentId="1" Score="1" Body="&lt;p&gt;So.&lt;/p&gt;" />
  <row Id="12" PostTypeId="2" ParentId="2" Score="1" Body="&lt;p&gt;Here.&lt;/p&gt;" />
</posts>
"""
LINKS = """<?xml version="1.0" encoding="utf-8"?>
<postlinks>
  <row Id="1" PostId="3" RelatedPostId="1" LinkTypeId="3" />
  <row Id="2" PostId="2" RelatedPostId="1" LinkTypeId="1" />
  <row Id="3" PostId="2" RelatedPostId="1" LinkTypeId="1" />
  <row Id="4" PostId="4" RelatedPostId="1" LinkTypeId="1" />
  <row Id="5" PostId="1" RelatedPostId="3" LinkTypeId="1" />
</postlinks>
"""


@pytest.fixture
def dump(tmp_path):
    (tmp_path / "Posts.xml").write_text(POSTS, encoding="utf-8")
    (tmp_path / "PostLinks.xml").write_text(LINKS, encoding="utf-8")
    return faq_sets.read_dump(tmp_path)


def test_a_dump_gives_answered_questions_duplicates_and_mentions(dump):
    assert [original.id for original in dump.data.originals] == [1, 2]
    assert dump.data.duplicates == ()
    assert [(each.id, each.answer_id) for each in dump.duplicates] == [(3, 11)]
    # Between two originals, and each pair once.
    assert [(each.id, each.answer_id) for each in dump.mentions] == [(2, 11)]


def test_a_question_that_links_is_not_its_own_answer(dump):
    task = faq_sets.mentions(dump)
    assert task.own[task.asked[0].text] == 1


def test_a_folder_without_a_dump_is_refused(tmp_path):
    with pytest.raises(StartupError, match=r"Posts\.xml"):
        faq_sets.read_dump(tmp_path)
