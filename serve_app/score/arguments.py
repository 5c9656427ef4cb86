"""From a command line to a model's inputs and parameters."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployments.errors import StartupError

if TYPE_CHECKING:
    from serve_app.client import ModelDescription, Tensor

STANDARD_INPUT = "-"
FILE = "@"

_BYTES, _JSON = "BYTES", "application/json"
_TEXTS = ("", "text/plain")


def read_inputs(description: ModelDescription, values: Sequence[str], named: Sequence[str]) -> Any:
    """Return what the model is asked with.

    Args:
        description: the model's.
        values: without a name; each is a row of the model's only input.
        named: as `NAME=VALUE`; a name may come several times, for as many rows.

    Raises:
        StartupError: there is nothing, or something that cannot be read.
    """
    from serve_app.client.inference.request import required_inputs

    tensors = {tensor.name: tensor for tensor in description.inputs}
    if not tensors:
        raise StartupError(f"The model '{description.name}' does not say what it takes.")
    if values and named:
        raise StartupError("Give inputs either with --input or without a name, not both.")
    if not values and not named:
        if sys.stdin.isatty():
            raise StartupError("There is nothing to ask: give an input, @FILE, - for standard input, or --example.")
        values = [STANDARD_INPUT]
    if values:
        # Where a model takes several, the client says so.
        return _rows(tensors[required_inputs(description)[0]], values)
    by_name: dict[str, list[str]] = {}
    for text in named:
        name, value = _split(text, "--input")
        by_name.setdefault(name, []).append(value)
    # A name that the model does not know is told by the client.
    return {name: _rows(tensors[name], texts) if name in tensors else texts for name, texts in by_name.items()}


def read_parameters(description: ModelDescription, given: Sequence[str]) -> Mapping[str, Any]:
    """Return parameters that were given as `NAME=VALUE`, with the types that the model describes.

    Raises:
        StartupError: one is not of that form.
    """
    parameters = {}
    for text in given:
        name, value = _split(text, "--param")
        parameters[name] = _typed(description.request_parameters.get(name, {}), value)
    return parameters


def _split(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise StartupError(f"{option} must be NAME=VALUE.")
    return name, value


def _typed(schema: Mapping[str, Any], text: str) -> Any:
    """Return a text as the schema's type; one that is none of it stays a text, which the client refuses."""
    from serve_app.client.inference.parameters import takes

    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if takes(schema, text) and not takes(schema, value) else value


def _rows(tensor: Tensor, texts: Sequence[str]) -> Any:
    values = [_value(tensor, text) for text in texts]
    return values if len(values) > 1 else values[0]


def _value(tensor: Tensor, text: str) -> Any:
    if tensor.datatype == _BYTES and tensor.content_type != _JSON:
        return _content(text, is_text=tensor.content_type in _TEXTS)
    try:
        return json.loads(_content(text, is_text=True))
    except ValueError:
        raise StartupError(f"The input '{tensor.name}' must be JSON, as in [1, 2.5].") from None


def _content(text: str, *, is_text: bool) -> str | bytes:
    if text.startswith(FILE):
        return _read(Path(text.removeprefix(FILE)))
    if text != STANDARD_INPUT:
        return text
    content = sys.stdin.buffer.read()
    # The end of the line is not part of a text that a pipe brings.
    return content.rstrip(b"\r\n") if is_text else content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartupError(f"{path} cannot be read: {error.strerror or error}.") from None
