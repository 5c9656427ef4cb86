"""Reading request bodies: never more than the limit, never more than once, and not for ever."""

from __future__ import annotations

import asyncio
from io import BytesIO

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from deployments.errors import BadRequest, InvalidInput, PayloadTooLarge, RequestTimeout
from deployments.ingress.body_memory import IN_SCOPE, Held
from deployments.ingress.headers import header
from deployments.ingress.large_bodies import SIZE_IN_SCOPE, in_slices
from deployments.ingress.settings import IngressSettings

# Fields of a form beside its files; the product reads none.
MAX_FORM_FIELDS = 16

KIBIBYTE = 1024


def content_type(request: Request) -> str:
    """Return the media type without its parameters, in lower case; empty if the client sent none."""
    return (header(request, "content-type") or "").partition(";")[0].strip().lower()


async def read_body(request: Request, settings: IngressSettings) -> bytes:
    """Read the whole body.

    Raises:
        PayloadTooLarge: it is longer than the limit; what follows is not read.
        Overloaded: there is no memory for it at the moment; what follows is not read.
        RequestTimeout: it comes more slowly than the settings allow.
        BadRequest: it is empty, or the client went away in the middle.
    """
    declared = declared_length(request)
    _cover(request, declared, settings)
    body = BytesIO()
    try:
        async with asyncio.timeout(settings.body_timeout_seconds) as timer:
            async for chunk in request.stream():
                if chunk:
                    _cover(request, body.tell() + len(chunk), settings)
                    body.write(chunk)
                    # Most bodies come whole; moving a timer is among the dearest steps of reading them.
                    if body.tell() != declared:
                        _allow_more_time(timer, len(chunk), settings)
    except ClientDisconnect:
        raise BadRequest("The connection ended before the body did.") from None
    except TimeoutError:
        raise RequestTimeout("The body came too slowly.") from None
    # Not a copy: the buffer itself.
    content = body.getvalue()
    request.scope[SIZE_IN_SCOPE] = len(content)
    if not content:
        raise BadRequest("The body is empty.")
    return content


def declared_length(request: Request) -> int:
    """Return the body's length as its client tells it; 0 if it does not."""
    declared = header(request, "content-length") or ""
    return int(declared) if declared.isdecimal() else 0


def _cover(request: Request, size: int, settings: IngressSettings) -> None:
    if size > settings.max_body_bytes:
        raise PayloadTooLarge(f"The body is larger than the limit of {settings.max_body_bytes} bytes.")
    held: Held | None = request.scope.get(IN_SCOPE)
    if held is not None:
        held.cover(size)


def _allow_more_time(timer: asyncio.Timeout, size: int, settings: IngressSettings) -> None:
    """Put off the end of reading by as long as what has come may take."""
    ends = timer.when()
    assert ends is not None  # noqa: S101 - reading always has an end
    timer.reschedule(ends + size / (settings.min_body_kb_per_second * KIBIBYTE))


async def read_files(request: Request, field: str, settings: IngressSettings) -> dict[str, bytes]:
    """Read the files of a multipart form's field, by file name.

    Raises:
        BadRequest: the body is no form, or holds too many files.
        InvalidInput: the field is missing or holds text, or a file name occurs twice.
        ScoringError: what `read_body` raises.
    """
    max_files = settings.max_images_per_request
    body = await read_body(request, settings)
    parser = _Parser(
        Headers(raw=request.scope["headers"]), in_slices(body), max_files=max_files, max_fields=MAX_FORM_FIELDS
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
