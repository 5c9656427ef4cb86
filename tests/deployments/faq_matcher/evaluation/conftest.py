import numpy as np
import pytest

from deployments.faq_matcher.data import Duplicate, Original
from deployments.faq_matcher.evaluation.judging import judge
from deployments.faq_matcher.evaluation.report import build_report

ORIGINALS = (Original(1, 101, "How do I begin?"), Original(2, 201, "Where is the end?"), Original(3, 301, "Why?"))

# What a matcher gives for each text: probabilities of the three originals.
ODDS = {
    "the first step": [0.9, 0.05, 0.0],
    "how to start": [0.6, 0.3, 0.05],
    "what comes last": [0.5, 0.3, 0.2],
    "the finish": [0.1, 0.2, 0.1],
    "for what reason": [0.4, 0.4, 0.2],
    "stranger, refused": [0.1, 0.0, 0.2],
    "stranger, taken in": [0.0, 0.8, 0.1],
}
QUESTIONS = (
    Duplicate(11, 101, "the first step"),
    Duplicate(12, 101, "how to start"),
    Duplicate(13, 201, "what comes last"),
    Duplicate(14, 201, "the finish"),
    Duplicate(15, 301, "for what reason"),
)
STRANGERS = ("stranger, refused", "stranger, taken in")


class FixedMatcher:
    """Gives what it was told to give, and remembers how much it was asked at once."""

    def __init__(self, odds=ODDS, originals=ORIGINALS, threshold=0.4):
        self.originals = originals
        self.threshold = threshold
        self.batches = []
        self._odds = odds

    def match(self, texts):
        self.batches.append(len(texts))
        return np.array([self._odds[text] for text in texts], np.float32)


@pytest.fixture
def matcher():
    return FixedMatcher()


@pytest.fixture
def make_matcher():
    return FixedMatcher


@pytest.fixture
def questions():
    return QUESTIONS


@pytest.fixture
def strangers():
    return STRANGERS


@pytest.fixture
def judgements(matcher):
    return judge(matcher, QUESTIONS, STRANGERS)


@pytest.fixture
def report(judgements):
    return build_report(judgements, ORIGINALS, QUESTIONS, STRANGERS, model={"directory": "model"})


@pytest.fixture
def report_of():
    def report_of(matcher, questions, strangers=()):
        judgements = judge(matcher, questions, strangers)
        return build_report(judgements, matcher.originals, questions, strangers, model={"directory": "model"})

    return report_of
