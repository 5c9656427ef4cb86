"""The replica as Ray Serve starts it, without Ray."""

from deployments.contracts import ModelDescription
from deployments.faq_matcher.deployment import FaqMatcherReplica
from deployments.faq_matcher.settings import FaqMatcherSettings


class Model:
    """Notes what it is asked."""

    def __init__(self):
        self.asked = []

    def describe(self):
        return ModelDescription("none", "trained", (), ())

    def score(self, questions):
        self.asked += questions
        return []


def test_no_request_waits_for_what_is_compiled_when_it_is_first_used(monkeypatch):
    model = Model()
    monkeypatch.setattr("deployments.faq_matcher.source.load_model", lambda _settings: model)
    FaqMatcherReplica(FaqMatcherSettings())
    assert {question.explain for question in model.asked} == {False, True}
