"""What bodies of Azure Machine Learning's clients have in common: `data`, or the references' `input`."""

from __future__ import annotations

from typing import Any, cast

from pydantic.config import JsonDict

from deployments.codecs.body import Body
from deployments.errors import InvalidInput, InvalidText


def one_of_data_and_input(schema: JsonDict) -> None:
    """Say in a schema that one of the two fields is there; left out is not the same as null."""
    fields = cast("dict[str, JsonDict]", schema["properties"])
    for name in ("data", "input"):
        del fields[name]["default"]
    schema["oneOf"] = [{"required": ["data"]}, {"required": ["input"]}]


def check_one_of(data: Any, given: Any) -> None:
    """Make sure that a body has one of the two fields.

    Raises:
        InvalidInput: it has both or none.
    """
    if (data is None) == (given is None):
        raise InvalidInput("Send either the field 'data' or the field 'input'.")


def text_of(body: Body) -> str:
    """Return a body as text.

    Raises:
        InvalidText: it is none.
    """
    try:
        return body.content.decode()
    except UnicodeDecodeError:
        raise InvalidText("The body is not text in UTF-8.") from None
