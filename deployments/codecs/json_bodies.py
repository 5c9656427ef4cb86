"""JSON bodies: read by Pydantic, refused with a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from deployments.codecs.body import Body
from deployments.errors import InvalidInput, InvalidJson, UnsupportedMediaType

BodyT = TypeVar("BodyT", bound=BaseModel)

# What a client named may be long; an error shows so much of it.
MAX_SHOWN = 80

# Values of a JSON document that becomes objects of Python, of up to 64 bytes each: 256 MB at the worst.
MAX_VALUES = 4_000_000


def parse_json(body: Body, model: type[BodyT]) -> BodyT:
    """Read a body as `model`.

    Raises:
        UnsupportedMediaType: the content type is another.
        InvalidJson: the body is not JSON.
        InvalidInput: it holds too many values, or a field is missing, unknown or of the wrong type, or stands in the
            query.
    """
    if not body.is_json:
        raise UnsupportedMediaType("Send a JSON body with the content type application/json.")
    _check_query(body, model)
    _check_number_of_values(body.content)
    try:
        return model.model_validate_json(body.content)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
    if errors[0]["type"] == "json_invalid":
        raise InvalidJson(f"The body is not valid JSON: {errors[0]['ctx']['error']}.")
    raise InvalidInput(_sentence(errors, model, "field"))


def _check_query(body: Body, model: type[BaseModel]) -> None:
    """Refuse what would be ignored: beside a body of another kind the query says what JSON says itself."""
    if not body.query_string:
        return
    of_query: Mapping[str, str] = getattr(model, "names_in_query", {})
    for name in body.query:
        field = of_query.get(name, name)
        if field in model.model_fields:
            raise InvalidInput(f"With a JSON body, '{field}' is a field of it, not of the query.")


def parse_any(body: bytes) -> Any:
    """Read a body whose form is not known yet.

    Raises:
        InvalidJson: it is not JSON.
        InvalidInput: it holds too many values.
    """
    _check_number_of_values(body)
    try:
        return from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise InvalidJson(f"The body is not valid JSON: {error}.") from None


def _check_number_of_values(body: bytes) -> None:
    """Make sure that reading a body does not take far more memory than the body itself.

    What stands in texts is counted too; only texts of very many commas would be refused for that.

    Raises:
        InvalidInput: it holds too many values.
    """
    # A body holds no more values than bytes, and most are shorter than the limit.
    if len(body) > MAX_VALUES < sum(map(body.count, (b",", b"[", b"{"))):
        raise InvalidInput(
            f"The JSON holds more values than the limit of {MAX_VALUES}; send less at once, or tensors as binary data."
        )


def parse_fields(content: Any, model: type[BodyT], *, noun: str = "field") -> BodyT:
    """Read what came out of JSON as `model`; an error calls its parts by `noun`.

    Raises:
        InvalidInput: a part is missing, unknown or of the wrong type.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InvalidInput(_sentence(error.errors(include_url=False, include_input=False), model, noun)) from None


def shown(text: str) -> str:
    """Return what an error may show of a client's own words."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _sentence(errors: list[ErrorDetails], model: type[BaseModel], noun: str) -> str:
    location, kind = errors[0]["loc"], errors[0]["type"]
    if kind == "missing":
        return f"The {noun} '{_path(location)}' is missing."
    if kind == "extra_forbidden":
        return f"The {noun} '{_path(location)}' is not known; known are {', '.join(model.model_fields)}."
    told = [errors[0]]
    if location and _has_branches(model, location[0]):
        told = _most_telling([error for error in errors if error["loc"][0] == location[0]])
        location = (location[0], *told[0]["loc"][2:])
    where = f"The {noun} '{_path(location)}'" if location else "The body"
    reasons = dict.fromkeys(f"{error['msg'][:1].lower()}{error['msg'][1:]}" for error in told)
    return f"{where} is not valid: {', or '.join(reasons)}."


def _has_branches(model: type[BaseModel], name: int | str) -> bool:
    """Whether a field may be of several types: then each complains, under a name of its own after the field's."""
    annotation = model.model_fields[str(name)].annotation
    is_union = get_origin(annotation) in {Union, UnionType}
    return is_union and len(set(get_args(annotation)) - {NoneType}) > 1


def _most_telling(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Of what a field's types complain of: the one that came furthest, or that liked the type and not the value."""
    furthest = max(len(error["loc"]) for error in errors)
    deepest = [error for error in errors if len(error["loc"]) == furthest]
    of_value = [error for error in deepest if not error["type"].endswith(("_type", "literal_error"))]
    return of_value or deepest


def _path(location: tuple[int | str, ...]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return shown("".join(parts).removeprefix("."))
