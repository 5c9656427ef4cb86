import pytest
from pydantic import ValidationError

from deployments.faq_matcher.recipe import Recipe


def test_every_setting_is_described():
    assert all(field.description for field in Recipe.model_fields.values())


def test_a_recipe_is_the_same_after_json():
    recipe = Recipe(gram_lengths=(2, 5), encoder="somewhere", rounds=0)
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("gram_lengths", ()),
        ("gram_lengths", (1, 4)),  # the compiled loops have no room for these
        ("gram_lengths", (-1,)),
        ("gram_lengths", (4, 3)),
        ("gram_lengths", (3, 3)),
        ("gram_lengths", (10**30,)),
        ("head_words", 0),
        ("head_words", 10**30),
        ("head_weight", float("nan")),
        ("head_weight", float("inf")),
        ("answer_weight", -0.1),
        ("rivals", 0),
        ("rate", 0.0),
        ("sharpness", float("nan")),
        ("folds", 1),
        ("wanted_precision", 1.0),
        ("seed", -1),
        ("vocabulary", 5),
    ],
)
def test_what_cannot_be_trained_with_is_refused(setting, value):
    with pytest.raises(ValidationError, match=setting):
        Recipe(**{setting: value})
