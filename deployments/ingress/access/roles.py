"""Roles: what a client may do.

    scoring.invoke          score with every model
    scoring.invoke:NAME     score with one model
    scoring.admin           administer the service; scores nothing

Whoever may score with a model may read what it is; an administrator may read what every model is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator

INVOKE = "scoring.invoke"
ADMIN = "scoring.admin"

_ROLE = re.compile(r"scoring\.admin|scoring\.invoke(:[a-z0-9]([a-z0-9_.-]{0,62}[a-z0-9])?)?")


def is_role(text: str) -> bool:
    """Whether a text is one of the roles."""
    return _ROLE.fullmatch(text) is not None


def _checked(text: str) -> str:
    if not is_role(text):
        raise ValueError(f"must be {INVOKE}, {INVOKE}:MODEL or {ADMIN}")
    return text


Role = Annotated[str, AfterValidator(_checked)]


def invoke_role(model: str) -> str:
    """Return the role for one model; for what cannot be a model's name, the role for all of them."""
    role = f"{INVOKE}:{model}"
    return role if is_role(role) else INVOKE


def known_roles(texts: Iterable[object]) -> frozenset[str]:
    """Keep what is a role; an issuer's tokens hold those of other applications too."""
    return frozenset(text for text in texts if isinstance(text, str) and is_role(text))
