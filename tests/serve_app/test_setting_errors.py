from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deployments.setting_errors import explain


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Cat(Strict):
    kind: Literal["cat"]
    lives: int = 9


class Dog(Strict):
    kind: Literal["dog"]
    friends: list[Cat] = []


class Zoo(Strict):
    animals: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = []
    keeper: Cat | None = None
    price: float | Literal["free"] = "free"
    opens: str = Field(default="9", min_length=1)


def explained(content):
    with pytest.raises(ValidationError) as raised:
        Zoo.model_validate(content)
    return explain(raised.value, Zoo)


def test_keys_are_as_users_write_them():
    content = {"animals": [{"kind": "dog", "friends": [{"kind": "cat", "lives": "x"}]}], "keeper": {"kind": "cow"}}
    assert list(explained(content)) == ["animals.0.friends.0.lives", "keeper.kind"]


def test_unknown_keys_are_told_what_is_known_inside_lists_unions_and_optional_settings():
    content = {
        "animals": [{"kind": "cat", "live": 1}, {"kind": "dog", "friends": [{"kind": "cat", "lifes": 1}]}],
        "keeper": {"kind": "cat", "x": 1},
        "animal": [],
    }
    assert explained(content) == {
        "animals.0.live": "unknown key; did you mean lives? (known keys: kind, lives)",
        "animals.1.friends.0.lifes": "unknown key; did you mean lives? (known keys: kind, lives)",
        "keeper.x": "unknown key (known keys: kind, lives)",
        "animal": "unknown key; did you mean animals? (known keys: animals, keeper, price, opens)",
    }


def test_alternatives_stand_in_one_line():
    assert explained({"price": "dear"}) == {"price": "must be a valid number, or 'free', not 'dear'"}


def test_what_is_missing_has_no_value_to_show():
    assert explained({"keeper": {}}) == {"keeper.kind": "Field required"}
    assert explained({"animals": [{}]}) == {"animals.0.kind": "must be 'cat' or 'dog'"}


def test_keys_that_are_no_text_are_refused():
    assert explained({1: 2, "animals": [{"kind": "cat", 3: 4}]}) == {
        "1": "Keys should be strings, not 1",
        "animals.0.3": "Keys should be strings, not 3",
    }
