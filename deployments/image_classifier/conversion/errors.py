"""What may go wrong in a conversion."""

from __future__ import annotations


class ConversionError(Exception):
    """A network cannot be converted, or answers otherwise than before; the message is a clause that says why."""
