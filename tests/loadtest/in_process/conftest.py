import numpy as np
import pytest

from deployments.faq_matcher.data import Answer, Duplicate, FaqData, Original
from loadtest.in_process import faq_embedding

TOPICS = ("account", "invoice", "printer", "holiday")
PHRASES = ("How do I change the {}?", "My {} is wrong", "Where do I find the {}, please", "Tell me about that {}")


@pytest.fixture(scope="session")
def faq():
    """Four originals with four duplicates each; the answers have a word of their own."""
    originals = tuple(Original(n, 100 + n, f"What about the {topic}?") for n, topic in enumerate(TOPICS))
    duplicates = tuple(
        Duplicate(1000 + 10 * n + k, 100 + n, phrase.format(topic))
        for n, topic in enumerate(TOPICS)
        for k, phrase in enumerate(PHRASES)
    )
    answers = tuple(Answer(100 + n, n, f"Use {topic}izer.") for n, topic in enumerate(TOPICS))
    return FaqData(originals, duplicates, answers)


class BagOfLetters:
    """An encoder that counts letters."""

    dimensions = 26

    def __init__(self):
        self.asked = []

    def encode(self, texts, progress=None, *, max_tokens=None):
        self.asked.append(list(texts))
        rows = np.array([[text.lower().count(chr(97 + n)) for n in range(26)] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def encoder(monkeypatch):
    """Takes the place of each sentence encoder."""
    encoder = BagOfLetters()
    monkeypatch.setattr(faq_embedding, "load_encoder", lambda name, **settings: encoder)
    return encoder


@pytest.fixture
def embedding(encoder):
    return faq_embedding.Embedding()
