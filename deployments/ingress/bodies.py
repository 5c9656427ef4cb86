"""Reading request bodies: never more than the limit, never more than once."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from deployments.errors import BadRequest, InvalidInput, PayloadTooLarge

# Fields of a form beside its files; the product reads none.
MAX_FORM_FIELDS = 16


def content_type(request: Request) -> str:
    """Return the media type without its parameters, in lower case; empty if the client sent none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, limit: int) -> bytes:
    """Read the whole body.

    Raises:
        PayloadTooLarge: it is longer than `limit` bytes; what follows is not read.
        BadRequest: it is empty, or the client went away in the middle.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            chunks.append(chunk)
    except ClientDisconnect:
        raise BadRequest("The connection ended before the body did.") from None
    if not size:
        raise BadRequest("The body is empty.")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def read_files(request: Request, field: str, *, limit: int, max_files: int) -> dict[str, bytes]:
    """Read the files of a multipart form's field, by file name.

    Raises:
        PayloadTooLarge: the body is longer than `limit` bytes.
        BadRequest: it is no form, or holds too many files.
        InvalidInput: the field is missing or holds text, or a file name occurs twice.
    """
    body = await read_body(request, limit)
    parser = _Parser(
        Headers(raw=request.scope["headers"]), _once(body), max_files=max_files, max_fields=MAX_FORM_FIELDS
    )
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError, KeyError):
        raise BadRequest(f"The multipart form cannot be read, or holds more than {max_files} files.") from None
    files: dict[str, bytes] = {}
    for upload in form.getlist(field):
        if not isinstance(upload, UploadFile):
            raise InvalidInput(f"The form field '{field}' must be a file.")
        name = upload.filename or field
        if name in files:
            raise InvalidInput("Two files of the form have the same name.")
        files[name] = await upload.read()
    if not files:
        raise InvalidInput(f"The form has no file in its field '{field}'.")
    return files


class _Parser(MultiPartParser):
    # The body is in memory and bounded already; nothing of it may go to disk.
    spool_max_size = 1 << 62


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than the limit of {limit} bytes.")
