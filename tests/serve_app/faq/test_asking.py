"""Questions by both clients against the real ingress, over real connections."""

import pytest

from serve_app.faq.asking import ask, ask_all
from serve_app.faq.results import Explanation, FaqResult, Match

SEVEN = Match(7, 70, 0.5)
EIGHT = Match("8", "80", 0.3)


@pytest.fixture
def client(loopback, connect):
    return connect(loopback.url)


async def test_a_question_has_matches(client):
    result = await client.call(ask("port?"))
    assert result == FaqResult((SEVEN, EIGHT), matched=True)
    assert result.best == SEVEN
    assert (result.origin.model, result.origin.version, result.origin.weights) == ("faq", "1", "trained")
    assert result.origin.request_id
    assert result.origin.seconds["infer"] == 0.001
    assert (await client.call(ask("port?", top_k=1))).matches == (SEVEN,)


async def test_no_match_is_told_as_such(client):
    result = await client.call(ask("port?", threshold=0.9))
    assert result == FaqResult((), matched=False)
    assert result.best is None
    assert (await client.call(ask("port?", threshold="trained"))).matches == (SEVEN,)


async def test_answers_and_explanations_stand_with_their_match(client):
    result = await client.call(ask("a", answers=True, explain=True))
    assert [match.answer for match in result.matches] == ["Seven.", None]
    why = result.best.explanation
    assert why == Explanation((("a", 1.5), ("port", -0.5)), 0.25, 1.25)
    assert why.terms[0].weight == 1.5


async def test_several_questions_are_answered_in_their_order_by_one_request(client, loopback):
    first, second = await client.call(ask_all(["a", "b"], explain=True, top_k=1))
    assert [each.best.explanation.terms[0].text for each in (first, second)] == ["a", "b"]
    assert loopback.paths == ["/faq/score"]
    assert [each.best for each in await client.call(ask_all(iter(["a"])))] == [SEVEN]
