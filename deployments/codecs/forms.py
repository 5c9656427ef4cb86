"""Files of multipart forms."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from deployments.codecs.base64_text import SLICE
from deployments.codecs.body import Body
from deployments.errors import BadRequest, InvalidInput

# Fields of a form beside its files; the product reads none.
MAX_FORM_FIELDS = 16


def read_files(body: Body, field: str, max_files: int) -> dict[str, bytes]:
    """Read the files of a form's field, by file name.

    Raises:
        BadRequest: the body is no form, or holds too many files.
        InvalidInput: the field is missing or holds text, or a file name occurs twice.
    """
    files: dict[str, bytes] = {}
    for upload in _parsed(body, max_files).getlist(field):
        if not isinstance(upload, UploadFile):
            raise InvalidInput(f"The form field '{field}' must be a file.")
        name = upload.filename or field
        if name in files:
            raise InvalidInput("Two files of the form have the same name.")
        files[name] = upload.file.read()
    if not files:
        raise InvalidInput(f"The form has no file in its field '{field}'.")
    return files


def _parsed(body: Body, max_files: int) -> FormData:
    headers = Headers(raw=[(b"content-type", body.content_type.encode("latin-1"))])
    parser = _Parser(headers, _slices(body.content), max_files=max_files, max_fields=MAX_FORM_FIELDS)
    # All of the body is in memory, so the parser has nothing to wait for: its first step is its last.
    parsing = parser.parse()
    try:
        parsing.send(None)
    except StopIteration as done:
        form: FormData = done.value
        return form
    except (MultiPartException, ValueError, KeyError):
        raise BadRequest(f"The multipart form cannot be read, or holds more than {max_files} files.") from None
    parsing.close()
    raise BadRequest("The multipart form cannot be read.")


async def _slices(content: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(content), SLICE):
        yield content[start : start + SLICE]


class _Parser(MultiPartParser):
    # The body is in memory and bounded already; nothing of it may go to disk.
    spool_max_size = 1 << 62
