"""Environment variables in settings: `${NAME}` in any text stands for the variable of that name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def expand(value: Any, environment: Mapping[str, str]) -> tuple[Any, dict[str, str]]:
    """Replace variables everywhere in settings.

    Returns:
        The settings, and what is wrong with each text that names a variable which is not set, by the text's key, as in
        `{"models.0.name": "the environment variable NAME is not set"}`.
    """
    missing: dict[str, str] = {}
    return _expand(value, environment, "", missing), missing


def _expand(value: Any, environment: Mapping[str, str], key: str, missing: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _expand(item, environment, f"{key}.{name}", missing) for name, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, environment, f"{key}.{index}", missing) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    unset = [name for name in _VARIABLE.findall(value) if name not in environment]
    if unset:
        are = "are" if len(unset) > 1 else "is"
        variables = "variables" if len(unset) > 1 else "variable"
        missing[key.removeprefix(".")] = f"the environment {variables} {', '.join(unset)} {are} not set"
        return value
    return _VARIABLE.sub(lambda match: environment[match[1]], value)
