"""A gRPC call as the ingress sees it: who calls, until when, and what it is told beside the answer."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from deployments.ingress.request_ids import REQUEST_ID, is_harmless

# Ray's name for the identifier, by which its logs have it.
RAY_REQUEST_ID = "request_id"
# When the client wants no answer any more, in seconds since 1970: a call may wait before a method sees it.
DEADLINE = "scoring-deadline"

Metadata = Iterable[tuple[str, Any]]


class CallContext(Protocol):
    """What Ray hands to a method beside its request."""

    def invocation_metadata(self) -> Metadata:
        """Return what the client sent."""

    def set_code(self, code: Any) -> None:
        """Set the status."""

    def set_details(self, details: str) -> None:
        """Set the sentence that goes with the status."""

    def set_trailing_metadata(self, trailing_metadata: list[tuple[str, str]]) -> None:
        """Set what follows the answer."""


@dataclass(slots=True)
class Call:
    """A call.

    Attributes:
        request_id: for logs and the client.
        headers: the metadata as HTTP's headers are.
        deadline: the client's, in seconds since 1970; None without one.
        trailing: what the client is told after the answer.
    """

    request_id: str
    headers: list[tuple[bytes, bytes]]
    deadline: float | None
    trailing: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, context: CallContext) -> Call:
        """Read a call's metadata."""
        metadata = list(context.invocation_metadata())
        request_id = call_id(metadata)
        deadline = next((float(value) for name, value in metadata if name == DEADLINE), None)
        headers = [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in metadata]
        return cls(request_id, headers, deadline, [(REQUEST_ID, request_id)])


def call_id(metadata: Metadata) -> str:
    """Return the identifier that a call brings if it is harmless, else a new one."""
    sent = {name: value for name, value in metadata if name in {REQUEST_ID, RAY_REQUEST_ID}}
    for name in (REQUEST_ID, RAY_REQUEST_ID):
        if isinstance(value := sent.get(name), str) and is_harmless(value):
            return value
    return str(uuid.uuid4())
