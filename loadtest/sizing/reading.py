"""Files that sizing reads, checked; what is wrong with one is said in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from loadtest.errors import BenchmarkError

ModelT = TypeVar("ModelT", bound=BaseModel)


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        BenchmarkError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BenchmarkError(f"{path} does not exist.") from None
    except (OSError, UnicodeDecodeError):
        raise BenchmarkError(f"{path} cannot be read as text.") from None


def from_json(model: type[ModelT], text: str, name: str) -> ModelT:
    """Check JSON against a model.

    Raises:
        BenchmarkError: it names the first thing that is wrong.
    """
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise BenchmarkError(f"{name} is not valid: {_first(error)}.") from None


def from_yaml(model: type[ModelT], text: str, name: str) -> ModelT:
    """Check YAML against a model.

    Raises:
        BenchmarkError: it is no YAML; or it names the first thing that is wrong.
    """
    try:
        return model.model_validate(yaml.safe_load(text))
    except yaml.YAMLError:
        raise BenchmarkError(f"{name} is no YAML.") from None
    except ValidationError as error:
        raise BenchmarkError(f"{name} is not valid: {_first(error)}.") from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
