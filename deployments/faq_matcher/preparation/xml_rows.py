"""The rows of a Stack Exchange dump's XML file, streamed: memory does not depend on the file's size."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from deployments.errors import StartupError
from deployments.faq_matcher.table import BadRow

_CHUNK_BYTES = 1 << 20
# Stack Exchange's posts end at 30,000 characters; a row that never ends would fill the memory.
_MAX_ROW_BYTES = 16 << 20

_ENDS_EARLY = {
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
}

XmlRow = tuple[int, dict[str, str]]


class XmlRows:
    """Reads a file once: iterate, then look at what was found.

    Args:
        path: the file.
        root: name of its outermost element.
        accept_truncated: take the rows before the place where the file breaks off.
        advance: is told of bytes read.

    Attributes:
        rows: how many were read.
        truncated: where the file breaks off; None where it does not.
    """

    def __init__(self, path: Path, root: str, *, accept_truncated: bool, advance: Callable[[int], None]) -> None:
        self.path = path
        self.rows = 0
        self.truncated: BadRow | None = None
        self._root = root
        self._accept_truncated = accept_truncated
        self._advance = advance
        self._sha256 = hashlib.sha256()
        self._found: list[XmlRow] = []
        self._depth = 0
        self._fed = 0
        self._parser = self._make_parser()

    @property
    def sha256(self) -> str:
        """Of what was read, in hexadecimal."""
        return self._sha256.hexdigest()

    def __iter__(self) -> Iterator[XmlRow]:
        """Yields the line on which a row begins, from 1, and its attributes.

        Raises:
            StartupError: the file cannot be read, or is not the XML that it should be.
        """
        try:
            with self.path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    yield from self._parse(chunk)
        except OSError as error:
            raise StartupError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        yield from self._end()

    def _make_parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start_element
        parser.EndElementHandler = self._end_element
        # Dumps have none; with none, no entity can be declared that grows when it is expanded.
        parser.StartDoctypeDeclHandler = lambda *_: self._refuse("has a document type, which no dump has")
        return parser

    def _parse(self, chunk: bytes) -> list[XmlRow]:
        self._sha256.update(chunk)
        try:
            self._parser.Parse(chunk, False)  # noqa: FBT003 - its only form
        except expat.ExpatError as error:
            self._refuse_syntax(error)
        self._fed += len(chunk)
        if self._fed - self._parser.CurrentByteIndex > _MAX_ROW_BYTES:
            self._refuse(f"begins a row of more than {_MAX_ROW_BYTES:,} bytes")
        self._advance(len(chunk))
        return self._take()

    def _end(self) -> list[XmlRow]:
        try:
            self._parser.Parse(b"", True)  # noqa: FBT003
        except expat.ExpatError as error:
            if error.code not in _ENDS_EARLY or not self.rows:
                self._refuse_syntax(error)
            self._break_off(error)
        return self._take()

    def _take(self) -> list[XmlRow]:
        found, self._found = self._found, []
        return found

    def _start_element(self, name: str, attributes: dict[str, str]) -> None:
        expected = self._root if self._depth == 0 else "row"
        if self._depth > 1:
            self._refuse(f"has <{name}> inside a row")
        if name != expected:
            self._refuse(f"has <{name}> where <{expected}> of a Stack Exchange dump is expected")
        if self._depth == 1:
            self.rows += 1
            self._found.append((self._parser.CurrentLineNumber, attributes))
        self._depth += 1

    def _end_element(self, _: str) -> None:
        self._depth -= 1

    def _refuse(self, problem: str) -> NoReturn:
        at = f"line {self._parser.CurrentLineNumber}, column {self._parser.CurrentColumnNumber + 1}"
        raise StartupError(f"{self.path}, {at} {problem}: unpack the dump again.")

    def _refuse_syntax(self, error: expat.ExpatError) -> NoReturn:
        at = f"line {error.lineno}, column {error.offset + 1}"
        said = expat.ErrorString(error.code)
        raise StartupError(f"{self.path}, {at} is no XML ({said}): unpack the dump again.") from error

    def _break_off(self, error: expat.ExpatError) -> None:
        where = f"breaks off at column {error.offset + 1}, after {self.rows:,} rows"
        self.truncated = BadRow(self.path, error.lineno, "", where)
        if not self._accept_truncated:
            raise StartupError(
                f"{self.path}, line {error.lineno} {where}: unpack the dump again, or take the rows before with "
                "--accept-truncated."
            ) from error
