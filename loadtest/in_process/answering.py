"""The other end of `loadtest.programs`: what was loaded, then an answer to each line of the input."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from deployments.errors import StartupError
from deployments.image_classifier.conversion.errors import ConversionError

REFUSALS = (StartupError, ConversionError, ValidationError)

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def run(load: Callable[[], tuple[dict[str, Any], Answer]]) -> None:
    """Load, say what, and answer requests until the input ends.

    Args:
        load: returns facts, and the function that answers a request.
    """
    # What libraries print must not come between the answers.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as output:
        os.dup2(2, 1)
        try:
            facts, answer = load()
        except REFUSALS as error:
            _say({"error": _sentence(error)}, output)
            return
        _say(facts, output)
        for line in sys.stdin:
            try:
                answered = answer(json.loads(line))
            except (*REFUSALS, RuntimeError) as error:
                answered = {"error": _sentence(error)}
            _say(answered, output)


def _say(answer: dict[str, Any], output: Any) -> None:
    print(json.dumps(answer), file=output, flush=True)


def _sentence(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))} is not possible here: {first['msg']}."
    text = str(error).strip().partition("\n")[0].rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
