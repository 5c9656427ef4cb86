import pytest
from pydantic import ValidationError

from deployments.faq_matcher.settings import FaqMatcherSettings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model_dir": "m", "questions": "q"}, "model_dir and questions exclude each other"),
        ({"model_dir": "m", "answers": "a"}, "model_dir and answers exclude each other"),
        ({"model_dir": "m", "encoder": "e"}, "model_dir and encoder exclude each other"),
        ({"duplicates": "d"}, "questions is required where duplicates is given"),
        ({"answers": "a"}, "questions is required where answers is given"),
        ({"model_dir": ""}, "at least 1 character"),
        ({"encoder": ""}, "at least 1 character"),
        ({"default_top_k": 0}, "greater than or equal to 1"),
        ({"max_text_length": 0}, "greater than or equal to 1"),
        ({"max_length": 5}, "Extra inputs are not permitted"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        FaqMatcherSettings(**settings)


def test_the_sample_may_have_an_encoder():
    assert FaqMatcherSettings(encoder="all-MiniLM-L6-v2").questions is None


def test_every_setting_is_described():
    assert all(field.description for field in FaqMatcherSettings.model_fields.values())
