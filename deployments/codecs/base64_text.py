"""Files that come as base64."""

from __future__ import annotations

import binascii
from io import BytesIO
from string import whitespace

from deployments.codecs.json_bodies import shown
from deployments.errors import InvalidInput

# A long text is decoded little by little, so that other threads get the interpreter in between.
SLICE = 1024 * 1024


def decode_file(name: str, text: str, noun: str = "file") -> bytes:
    """Decode base64, or a data URL that holds it.

    Args:
        name: the file's, for an error.
        text: the base64.
        noun: what the file is called in an error.

    Raises:
        InvalidInput: it is not base64, or empty; the message names the file.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        content = from_base64(text)
    except ValueError:
        raise InvalidInput(f"The {noun} '{shown(name)}' is not valid base64.") from None
    if not content:
        raise InvalidInput(f"The {noun} '{shown(name)}' is empty.")
    return content


def from_base64(text: str) -> bytes:
    """Decode base64 that may have white space in it; strictly, and in slices.

    Raises:
        ValueError: it is not base64.
    """
    if len(text) <= SLICE:
        return _decoded("".join(text.split()))
    # Only the very end may be padding, which a slice could not tell from one in the middle.
    end = len(text.rstrip(f"={whitespace}"))
    decoded = BytesIO()
    left = ""
    for start in range(0, end, SLICE):
        piece = left + "".join(text[start : min(start + SLICE, end)].split())
        if "=" in piece:
            raise ValueError("The padding is not at the end.")
        whole = len(piece) - len(piece) % 4
        decoded.write(binascii.a2b_base64(piece[:whole], strict_mode=True))
        left = piece[whole:]
    decoded.write(_decoded(left + "".join(text[end:].split())))
    return decoded.getvalue()


def _decoded(text: str) -> bytes:
    # Python takes padding after a whole group, even when it is strict.
    if text.endswith("=") and not len(text.rstrip("=")) % 4:
        raise ValueError("There is padding where none belongs.")
    return binascii.a2b_base64(text, strict_mode=True)
