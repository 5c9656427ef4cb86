"""How much memory a message would take, told from its bytes before any of them becomes an object.

A part of two bytes may become an object of a hundred. Bytes that stand whole in the message, as those of tensors in
raw_input_contents, are not looked into.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from deployments.codecs.json_bodies import MAX_VALUES
from deployments.errors import InvalidInput

# Fields of a message and of the messages in it, of up to some hundred bytes each.
MAX_PARTS = 100_000

_VARINT, _LENGTH = 0, 2
_FIXED = {1: 8, 5: 4}
_BITS = 7
_LAST = 0x80
_NOT_LAST = bytes(range(_LAST, 256))


@dataclass(frozen=True, slots=True)
class Shape:
    """What is to be looked into of a message.

    Attributes:
        messages: fields that hold messages, by number.
        numbers: fields that hold many numbers of variable length.
    """

    messages: Mapping[int, Shape] = field(default_factory=dict)
    numbers: frozenset[int] = frozenset()


_PARAMETER = Shape({2: Shape()})
_CONTENTS = Shape(numbers=frozenset({2, 3, 4, 5}))
INFER_REQUEST = Shape(
    {
        4: _PARAMETER,
        5: Shape({4: _PARAMETER, 5: _CONTENTS}, frozenset({3})),
        6: Shape({2: _PARAMETER}),
    }
)


def check_parts(content: bytes, shape: Shape) -> None:
    """Make sure that a message has no more parts than the limit; whether it is one is for its reader to say.

    Raises:
        InvalidInput: it has more.
    """
    values = 0
    for parts, numbers in enumerate(_walk(memoryview(content), shape), start=1):
        values += numbers
        if parts > MAX_PARTS:
            raise InvalidInput(f"The message has more parts than the limit of {MAX_PARTS}; send raw_input_contents.")
        if values > MAX_VALUES:
            raise InvalidInput(f"The message has more values than the limit of {MAX_VALUES}; send raw_input_contents.")


def _walk(content: memoryview, shape: Shape) -> Iterator[int]:
    """Yield for each field, and for those of messages in it, how many numbers it holds."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        number, kind = tag >> 3, tag & 7
        if kind != _LENGTH:
            yield 0
            place = _varint(content, place)[1] if kind == _VARINT else place + _FIXED.get(kind, 0)
            continue
        length, place = _varint(content, place)
        inside = content[place : place + length]
        yield _count(inside) if number in shape.numbers else 0
        if number in shape.messages:
            yield from _walk(inside, shape.messages[number])
        place += length


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(content):
        byte = content[place]
        value |= (byte & (_LAST - 1)) << shift
        place, shift = place + 1, shift + _BITS
        if byte < _LAST or shift > 9 * _BITS:
            break
    return value, place


def _count(content: memoryview) -> int:
    # Every number ends with a byte below 128.
    return len(bytes(content).translate(None, _NOT_LAST))
