"""Text that others wrote, such as logs and events of a cluster, so that a terminal shows it and obeys nothing in it."""

from __future__ import annotations

import re

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Control characters but for tab and line feed, those that turn the direction of writing, and halves of surrogate pairs,
# which cannot be written at all.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Return a text without colours, in which control characters are told by their codes."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), _COLOURS.sub("", text))


def one_line(text: str, most: int = 2000) -> str:
    """Return a text as one line, cut where it is too long for one."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= most else f"{line[:most]}..."
