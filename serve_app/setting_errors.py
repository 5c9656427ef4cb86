"""Wrong settings, explained: every error at once, with the key and what it may be."""

from __future__ import annotations

import difflib
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


def explain(error: ValidationError, root: type[BaseModel]) -> str:
    """Return one line for each error, in the form `  key: what is wrong`."""
    return "\n".join(f"  {_line(details, root)}" for details in error.errors(include_url=False))


def _line(details: ErrorDetails, root: type[BaseModel]) -> str:
    location = details["loc"]
    if details["type"] == "extra_forbidden":
        return f"{_key(location)}: unknown key{_suggestion(location, root)}"
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] in {"missing", "value_error", "union_tag_not_found"}:
        return f"{_key(location)}: {message}" if location else message
    return f"{_key(location)}: {message}, not {_shown(details['input'])}"


def _key(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."  # noqa: PLR2004 - a line must stay readable


def _suggestion(location: tuple[int | str, ...], root: type[BaseModel]) -> str:
    model = _model_at(location[:-1], root)
    if model is None:
        return ""
    names = list(model.model_fields)
    close = difflib.get_close_matches(str(location[-1]), names, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{hint} (known keys: {', '.join(names)})"


def _model_at(location: tuple[int | str, ...], root: type[BaseModel]) -> type[BaseModel] | None:
    """Follow a location to the settings class that it lies in."""
    current: Any = root
    for part in location:
        current = _step(current, part)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _step(current: Any, part: int | str) -> Any:
    if isinstance(current, type) and issubclass(current, BaseModel):
        field = current.model_fields.get(str(part))
        return field.annotation if field else None
    if get_origin(current) is list:
        (current,) = get_args(current)
        return _without_metadata(current) if isinstance(part, int) else None
    # A discriminated union puts its tag into the location.
    return next((member for member in get_args(current) if _has_tag(member, part)), None)


def _without_metadata(annotation: Any) -> Any:
    is_annotated = hasattr(annotation, "__metadata__")
    return get_args(annotation)[0] if is_annotated else annotation


def _has_tag(member: Any, tag: int | str) -> bool:
    if get_origin(member) is Union or not (isinstance(member, type) and issubclass(member, BaseModel)):
        return False
    kind = member.model_fields.get("kind")
    return kind is not None and tag in get_args(kind.annotation)
