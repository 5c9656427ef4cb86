"""The identifier that a request carries through logs and responses."""

from __future__ import annotations

import random
import re

from starlette.requests import Request
from starlette.responses import Response

from deployments.ingress.headers import header

REQUEST_ID = "x-request-id"

# Stands in the scope of a request that does not pass Ray Serve.
UNMARKED = "scoring.unmarked"

# Where the identifier of such a request stands.
IN_SCOPE = "scoring.request_id"

# What may stand in a log line or a header unquoted.
_ACCEPTED = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


def request_id_of(request: Request) -> str:
    """Return the request's identifier if it has a harmless one, else a new one."""
    return harmless_or_new(header(request, REQUEST_ID) or "")


def harmless_or_new(sent: str) -> str:
    """Return the identifier that a client sent if it may go into logs and headers, else a new one."""
    return sent if sent and is_harmless(sent) else new_request_id()


def new_request_id() -> str:
    """Return a random identifier in the form of a UUID (RFC 9562, version 4)."""
    # No secret, but those of two replicas must differ: Python seeds this anew in a forked process too.
    digits = f"{random.getrandbits(128):032x}"
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[int(digits[16], 16) & 3]}{digits[17:20]}-{digits[20:]}"
    )


def is_harmless(identifier: str) -> bool:
    """Whether an identifier that a client sent may go into logs and headers."""
    return _ACCEPTED.fullmatch(identifier) is not None


def mark(response: Response, request: Request, request_id: str) -> None:
    """Put the identifier into a response, unless Ray Serve does so: it gives one to every request without."""
    if UNMARKED in request.scope or header(request, REQUEST_ID) is None:
        response.headers[REQUEST_ID] = request_id
