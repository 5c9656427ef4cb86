"""Reading a request's headers: gone through once, however many look for one."""

from __future__ import annotations

from starlette.requests import Request

_IN_SCOPE = "scoring.headers"


def header(request: Request, name: str) -> str | None:
    """Return the first header of a name, given in lower case; None where there is none."""
    headers: dict[bytes, bytes] | None = request.scope.get(_IN_SCOPE)
    if headers is None:
        headers = request.scope[_IN_SCOPE] = dict(reversed(request.scope["headers"]))
    value = headers.get(name.encode("latin-1"))
    return None if value is None else value.decode("latin-1")
