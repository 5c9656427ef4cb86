"""JSON bodies: read by Pydantic, refused with a sentence."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from deployments.errors import InvalidInput, InvalidJson, UnsupportedMediaType
from deployments.ingress.bodies import content_type

BodyT = TypeVar("BodyT", bound=BaseModel)

# What a client named may be long; an error shows so much of it.
MAX_SHOWN = 80


def is_json(request: Request) -> bool:
    """Whether the body is JSON; clients of the reference applications often send no content type at all."""
    kind = content_type(request)
    return kind in {"", "application/json"} or kind.endswith("+json")


def parse_json(request: Request, body: bytes, model: type[BodyT]) -> BodyT:
    """Read a body as `model`.

    Raises:
        UnsupportedMediaType: the content type is another.
        InvalidJson: the body is not JSON.
        InvalidInput: a field is missing, unknown or of the wrong type.
    """
    if not is_json(request):
        raise UnsupportedMediaType("Send a JSON body with the content type application/json.")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        raise InvalidJson(f"The body is not valid JSON: {first['ctx']['error']}.")
    raise InvalidInput(_sentence(first["loc"], first["type"], first["msg"], model))


def _sentence(location: tuple[int | str, ...], kind: str, message: str, model: type[BaseModel]) -> str:
    path = shown(".".join(str(part) for part in location))
    if kind == "missing":
        return f"The field '{path}' is missing."
    if kind == "extra_forbidden":
        return f"The field '{path}' is not known; known are {', '.join(model.model_fields)}."
    where = f"The field '{path}'" if path else "The body"
    return f"{where} is not valid: {message[:1].lower()}{message[1:]}."


def shown(text: str) -> str:
    """Return what an error may show of a client's own words."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
