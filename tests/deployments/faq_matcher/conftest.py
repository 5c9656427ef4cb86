import pytest

from deployments.faq_matcher.data import Duplicate, FaqData, Original
from deployments.faq_matcher.model import FaqModel
from deployments.faq_matcher.training import train


@pytest.fixture(scope="session")
def faq():
    return FaqData(
        originals=(
            Original(1, 101, "How do I delete my account?"),
            Original(2, 201, "How do I export messages to a file?"),
            Original(3, 301, "Which formats may an image have?"),
            Original(4, 401, "Wie ändere ich das Kennwort?"),
        ),
        duplicates=(
            Duplicate(1001, 101, "Removing the account"),
            Duplicate(1002, 101, "I want to get rid of my account, how?"),
            Duplicate(2001, 201, "Save mails as text"),
        ),
    )


@pytest.fixture(scope="session")
def learned(faq):
    return train(faq)


@pytest.fixture(scope="session")
def model(learned):
    return FaqModel(learned)
