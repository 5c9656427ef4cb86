import json

import pytest

from loadtest.generator.load_kinds import Sources
from loadtest.generator.scenarios import scenarios


@pytest.fixture
def sources(tmp_path):
    (tmp_path / "questions.txt").write_text("What is it?\nWhy?\n")
    return Sources({"faq": tmp_path / "questions.txt"}, {"faq": "help"})


def one(name, sources, **more):
    return scenarios([name], sources, **more)[0]


def test_questions_are_the_users_own(sources):
    found = scenarios(["faq"], sources)[0]
    assert [json.loads(request.body)["input"] for request in found.requests] == ["What is it?", "Why?"]
    assert {request.path for request in found.requests} == {"/help/score"}
