"""Whether parameters are what a model takes, by the JSON Schema that it describes them with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,), "integer": (int,), "number": (int, float), "string": (str,), "null": (type(None),),
    "array": (list, tuple), "object": (dict,),
}  # fmt: skip
_WORDS = {"boolean": "true or false", "integer": "a whole number", "number": "a number", "string": "a text"}
_BOUNDS: Mapping[str, tuple[str, Callable[[float, float], bool]]] = {
    "minimum": ("at least", lambda value, bound: value >= bound),
    "maximum": ("at most", lambda value, bound: value <= bound),
    "exclusiveMinimum": ("above", lambda value, bound: value > bound),
    "exclusiveMaximum": ("below", lambda value, bound: value < bound),
}


def check_parameters(model: str, schemas: Mapping[str, Schema], given: Mapping[str, Any]) -> None:
    """Make sure that a model takes parameters; what this does not know of JSON Schema, the service checks.

    Raises:
        ValueError: it does not; the message says what it takes.
    """
    for name, value in given.items():
        if name not in schemas:
            known = f"it takes {', '.join(schemas)}" if schemas else "it takes none"
            raise ValueError(f"The model '{model}' has no parameter '{name}'; {known}.")
        if not takes(schemas[name], value):
            raise ValueError(
                f"The parameter '{name}' of the model '{model}' must be {words_of(schemas[name])}, not {value!r:.100}."
            )


def takes(schema: Schema, value: Any) -> bool:
    """Whether a value is what a schema describes."""
    if "anyOf" in schema:
        return any(takes(each, value) for each in schema["anyOf"])
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    kind = str(schema.get("type"))
    if kind in _TYPES and not _is_of(kind, value):
        return False
    return not _is_number(value) or all(
        fits(value, schema[name]) for name, (_, fits) in _BOUNDS.items() if _is_number(schema.get(name))
    )


def words_of(schema: Schema) -> str:
    """Return what a schema describes, in words: `a whole number of at least 1`."""
    if "anyOf" in schema:
        return " or ".join(words_of(each) for each in schema["anyOf"] if each.get("type") != "null")
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(map(repr, schema['enum']))}"
    kind = str(schema.get("type", "value"))
    return " and ".join([_WORDS.get(kind, f"a JSON {kind}"), *_bounds(schema)]).replace(" and ", " of ", 1)


def _bounds(schema: Schema) -> Iterator[str]:
    for name, (words, _) in _BOUNDS.items():
        if _is_number(schema.get(name)):
            yield f"{words} {schema[name]:g}"


def _is_of(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind]) and not (isinstance(value, float) and not math.isfinite(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
