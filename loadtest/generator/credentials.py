"""Keys and tokens of a load test: from the environment or a file, never in an argument, a plan or a result."""

from __future__ import annotations

import os
import re
from pathlib import Path

from loadtest.errors import BenchmarkError

# As of `scoring score`.
KEY_VARIABLE = "SCORING_KEY"
TOKEN_VARIABLE = "SCORING_TOKEN"  # noqa: S105 - its name
KEY_HEADER = "x-api-key"

_VISIBLE = re.compile(r"[\x21-\x7e]+")


def headers(key_file: Path | None, token_file: Path | None) -> dict[str, str]:
    """Return the headers that show who asks; empty where there is neither key nor token.

    Args:
        key_file: holds a key; without one, the environment variable SCORING_KEY may.
        token_file: holds a bearer token; without one, SCORING_TOKEN may.

    Raises:
        BenchmarkError: a file cannot be read, or there is no key in it. The message does not show what there is.
    """
    key, token = _read(key_file, KEY_VARIABLE), _read(token_file, TOKEN_VARIABLE)
    found = {KEY_HEADER: key} if key else {}
    return {**found, "Authorization": f"Bearer {token}"} if token else found


def described(key_file: Path | None, token_file: Path | None) -> str:
    """Say where key and token come from, and nothing of what they are."""
    places = [
        f"{what} from {f'the file {file}' if file else variable}"
        for what, file, variable in (("key", key_file, KEY_VARIABLE), ("token", token_file, TOKEN_VARIABLE))
        if file or os.environ.get(variable)
    ]
    return ", ".join(places) or "none"


def _read(file: Path | None, variable: str) -> str:
    try:
        text = os.environ.get(variable, "") if file is None else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise BenchmarkError(f"The file {file} cannot be read; it must hold a key or token as text.") from None
    text = text.strip()
    if file is not None and not text:
        raise BenchmarkError(f"The file {file} is empty; it must hold a key or token.")
    if text and not _VISIBLE.fullmatch(text):
        raise BenchmarkError(f"What {file or variable} holds is no key or token: it has spaces or other characters.")
    return text
