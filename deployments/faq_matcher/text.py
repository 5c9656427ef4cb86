"""What of a text counts: its letters and digits, whatever their case and form."""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

CODE_POINTS = 0x110000

# Unicode has no letters, digits or marks above these planes, but for variation selectors, which say nothing.
_LAST_LETTER = 0x33480


@cache
def word_characters() -> NDArray[np.bool_]:
    """Whether a code point is part of a word: letters, digits, the marks that belong to them, and underscores.

    Returns:
        (1114112,) bool.
    """
    table = np.zeros(CODE_POINTS, np.bool_)
    for code in range(_LAST_LETTER):
        character = chr(code)
        table[code] = character.isalnum() or character == "_" or unicodedata.category(character)[0] == "M"
    return table


def folded(text: str) -> str:
    """A text without differences of case and of compatible forms (full width, ligatures): NFKC, casefolded."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def code_points(text: str) -> NDArray[np.uint32]:
    """The code points of a text, folded.

    Returns:
        (characters,) uint32.
    """
    # Lone surrogates, which JSON can carry, pass: they are no letters.
    return np.frombuffer(folded(text).encode("utf-32-le", "surrogatepass"), np.uint32)


def has_words(text: str) -> bool:
    """Whether a text has any letter or digit to go by."""
    return any(character.isalnum() for character in text)
