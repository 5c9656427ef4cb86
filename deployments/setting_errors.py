"""Wrong settings, explained: every error at once, with the key and what it may be."""

from __future__ import annotations

import difflib
import re
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

# The field that tells the members of a union apart.
DISCRIMINATOR = "kind"

# Whatever stands before the host of a URL.
_PASSWORD = re.compile(r"//\S*@")

_WITHOUT_VALUE = {"missing", "value_error", "too_short"}


def explain(error: ValidationError, root: type[BaseModel]) -> dict[str, str]:
    """Return what is wrong with each key, as in `{"ingress.max_body_mb": "must be a valid integer, not 'x'"}`."""
    wrong: dict[str, list[str]] = {}
    values: dict[str, str] = {}
    for details in error.errors(include_url=False):
        parts, place = _follow(details["loc"], root)
        key, message, values_shown = _explain_one(details, parts, place)
        # A value that no member of a union takes has one error for each.
        wrong.setdefault(key, []).append(message)
        values[key] = values_shown
    return {key: f"{_either(messages)}{values[key]}" for key, messages in wrong.items()}


def _explain_one(details: ErrorDetails, parts: list[str], place: Any) -> tuple[str, str, str]:
    key, kind = ".".join(parts), details["type"]
    if kind == "extra_forbidden":
        return key, f"unknown key{_suggestion(parts[-1], place)}", ""
    if kind in {"union_tag_not_found", "union_tag_invalid"}:
        given = details.get("ctx", {}).get("tag")
        kinds = " or ".join(repr(tag) for member in _members(place) for tag in _tags(member))
        return f"{key}.{DISCRIMINATOR}", f"must be {kinds}", f", not '{given}'" if given else ""
    if kind in {"model_type", "model_attributes_type"}:
        return key, "must hold settings by key", f", not {_shown(details['input'])}"
    message = details["msg"].removeprefix("Value error, ").partition(", unable to parse")[0]
    message = message.replace("Input should be", "must be", 1)
    return key, message, "" if kind in _WITHOUT_VALUE else f", not {_shown(details['input'])}"


def _either(messages: list[str]) -> str:
    return ", or ".join([messages[0], *(message.removeprefix("must be ") for message in messages[1:])])


def _shown(value: Any) -> str:
    text = _PASSWORD.sub("//***@", repr(value))
    return text if len(text) <= 40 else f"{text[:40]}..."  # noqa: PLR2004 - a line must stay readable


def _suggestion(unknown: str, place: Any) -> str:
    if not _is_settings(place):
        return ""
    names = list(place.model_fields)
    close = difflib.get_close_matches(unknown, names, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{hint} (known keys: {', '.join(names)})"


def _follow(location: tuple[int | str, ...], root: type[BaseModel]) -> tuple[list[str], Any]:
    """Follow a location down the settings classes.

    Returns:
        The location as a user writes it, and the type that stands there; for an unknown key, the class that does not
        know it.
    """
    parts: list[str] = []
    place: Any = root
    for part in location:
        if len(_members(place)) > 1:
            # Pydantic names the member of a union, which the user did not write.
            place = next((member for member in _members(place) if part in _tags(member)), None)
            continue
        parts.append(str(part))
        if _is_settings(place) and part not in place.model_fields:
            break
        place = _below(place, part)
    return parts, place


def _below(place: Any, part: int | str) -> Any:
    if _is_settings(place):
        return _bare(place.model_fields[str(part)].annotation)
    return _bare(get_args(place)[0]) if get_origin(place) is list else None


def _bare(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    members = _members(annotation)
    return members[0] if len(members) == 1 else annotation


def _members(annotation: Any) -> list[Any]:
    """Return what a union may hold besides None."""
    is_union = get_origin(annotation) in {Union, UnionType}
    return [member for member in get_args(annotation) if member is not NoneType] if is_union else []


def _tags(member: Any) -> tuple[Any, ...]:
    field = member.model_fields.get(DISCRIMINATOR) if _is_settings(member) else None
    return get_args(field.annotation) if field else ()


def _is_settings(place: Any) -> bool:
    return isinstance(place, type) and issubclass(place, BaseModel)
