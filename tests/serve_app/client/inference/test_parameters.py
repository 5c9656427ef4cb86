import pytest

from serve_app.client.inference.parameters import takes, words_of

INTEGER = {"type": "integer", "minimum": 1, "maximum": 9}
SHARE = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"const": "trained"}, {"type": "null"}]}


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        (INTEGER, [1, 9], [0, 10, 1.0, True, "1", None]),
        (SHARE, [0, 0.5, "trained", None], [-1, 2, "other", True, float("nan")]),
        ({"enum": ["a", "b"]}, ["a"], ["c"]),
        ({"type": "number", "exclusiveMinimum": 0}, [1], [0]),
        ({"type": "boolean"}, [True], [1, "true"]),
        ({"$ref": "#/$defs/Mode"}, [1, "a"], []),
        ({}, [None, {}], []),
    ],
)
def test_a_schema_takes_what_it_describes(schema, right, wrong):
    assert all(takes(schema, value) for value in right)
    assert not any(takes(schema, value) for value in wrong)


def test_schemas_have_words():
    assert words_of(INTEGER) == "a whole number of at least 1 and at most 9"
    assert words_of(SHARE) == "a number of at least 0 and at most 1 or 'trained'"
    assert words_of({"enum": ["a", "b"]}) == "one of 'a', 'b'"
    assert words_of({"type": "boolean"}) == "true or false"
