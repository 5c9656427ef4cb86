"""Where the network looked: how requests ask for it, and what responses say."""

from __future__ import annotations

import binascii
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from deployments.codecs.body import Body
from deployments.contracts import Explain, ImageExplanation
from deployments.errors import InvalidInput
from deployments.interface import RequestLimits

# What limits count.
NOUN = "explained_images"

# Digits that a class index may have; none of the product's models has a billion classes.
MAX_DIGITS = 9


class ClassToExplain(BaseModel):
    """The class whose evidence is to be shown."""

    model_config = ConfigDict(extra="forbid", strict=True)

    index: int = Field(alias="class", ge=0, lt=10**MAX_DIGITS, description="Index of the class, from 0.")


def explain_of(asked: bool | ClassToExplain) -> Explain:  # noqa: FBT001 - as the field of the request is
    """Return what the stages take for the field `explain`."""
    if isinstance(asked, ClassToExplain):
        return asked.index
    return "top" if asked else None


def query_explain(body: Body) -> Explain:
    """Read `?explain=true&explain_class=7`.

    Raises:
        InvalidInput: they are not true or false, and a whole number.
    """
    asked, index = (body.query.get(name) for name in ("explain", "explain_class"))
    if asked not in {None, "true", "false"}:
        raise InvalidInput("The query parameter 'explain' must be true or false.")
    if index is None:
        return explain_of(asked == "true")
    if asked != "true":
        raise InvalidInput("The query parameter 'explain_class' needs 'explain=true'.")
    if not (index.isascii() and index.isdecimal() and len(index) <= MAX_DIGITS):
        raise InvalidInput("The query parameter 'explain_class' must be the index of a class, a whole number from 0.")
    return int(index)


def check_explained(count: int, limits: RequestLimits) -> None:
    """Make sure that a request has no more images to explain than it may.

    Raises:
        InvalidInput: it has.
    """
    limit = limits.items[NOUN]
    if count > limit:
        raise InvalidInput(f"The request has {count} images to explain; the limit is {limit}.")


def format_explanation(explanation: ImageExplanation | None) -> dict[str, Any]:
    """Return what a response says of one image, ready for JSON."""
    if explanation is None:
        return {}
    told: dict[str, Any] = {
        "class_index": explanation.class_index,
        "label": explanation.label,
        "probability": explanation.probability,
        "method": explanation.method,
        "grid": explanation.grid,
        "heat_map_png": binascii.b2a_base64(explanation.heat_map, newline=False).decode("ascii"),
    }
    if explanation.largest_drop is not None:
        told["largest_drop"] = explanation.largest_drop
    return told
