"""The key or token that a request brings: one, in one of three headers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from deployments.errors import Unauthenticated

AUTHORIZATION = b"authorization"
KEY_HEADERS = frozenset({b"x-api-key", b"api-key"})

# A token with many claims has some thousands; what is longer is not worth looking at.
MAX_CHARACTERS = 16_384

_VISIBLE = re.compile(rb"[\x21-\x7e]+")

HOW = "send a key or token as `Authorization: Bearer ...`, or as `x-api-key`"


def credential_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Find the key or token.

    Args:
        headers: names in lower case, with values, as in an ASGI scope.

    Raises:
        Unauthenticated: there is none, more than one, or one that is no visible ASCII text.
    """
    found = [header for header in headers if header[0] == AUTHORIZATION or header[0] in KEY_HEADERS]
    if not found:
        raise Unauthenticated(f"This needs a key: {HOW}.")
    if len(found) > 1:
        # Two that differ would be read in different ways by a gateway and by this service.
        raise Unauthenticated.by("The request has more than one key or token; send one.")
    name, value = found[0]
    if len(value) > MAX_CHARACTERS:
        raise Unauthenticated.by("The key or token is too long.")
    credential = _bearer(value) if name == AUTHORIZATION else value.strip(b" \t")
    if not _VISIBLE.fullmatch(credential):
        raise Unauthenticated.by("The key or token cannot be read.")
    return credential.decode("ascii")


def _bearer(value: bytes) -> bytes:
    scheme, _, credential = value.strip(b" \t").partition(b" ")
    if scheme.lower() != b"bearer":
        raise Unauthenticated(f"The scheme of the header Authorization is not Bearer; {HOW}.")
    return credential.strip(b" \t")
