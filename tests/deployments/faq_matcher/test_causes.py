import pytest
from pydantic import BaseModel, ValidationError

from deployments.faq_matcher.causes import cause


class Settings(BaseModel):
    sizes: list[int]


@pytest.mark.parametrize(
    ("said", "short"), [("No room.", "No room"), ("\nIt failed:\n  because\n", "It failed"), ("", "ValueError")]
)
def test_is_the_first_line(said, short):
    assert cause(ValueError(said)) == short


def test_of_a_validation_is_the_first_field():
    with pytest.raises(ValidationError) as error:
        Settings.model_validate({"sizes": [1, "x"]})
    assert cause(error.value).startswith("sizes: 1: Input should be a valid integer")
