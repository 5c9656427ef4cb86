"""W3C trace context (https://www.w3.org/TR/trace-context/): which trace a request belongs to."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

# Version, trace, parent, flags; later versions may add fields after these.
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_KEY = r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
_MEMBER = re.compile(rf"{_KEY}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{{0,255}}[\x21-\x2b\x2d-\x3c\x3e-\x7e]", re.ASCII)
_INVALID_VERSION = "ff"
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_SAMPLED = 1
_MAX_STATE_MEMBERS = 32
_MAX_STATE_CHARACTERS = 8192


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A request's place in a trace.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits: the ingress's own span.
        parent_id: the caller's span; None where the trace begins here.
        sampled: whether spans are to be kept.
        state: what other systems wrote into `tracestate`, checked.
    """

    trace_id: str
    span_id: str
    parent_id: str | None = None
    sampled: bool = False
    state: str = ""

    @property
    def header(self) -> str:
        """As `traceparent` of what this request causes, and `traceresponse` of its response."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def continued(traceparent: str, tracestate: str = "") -> TraceContext | None:
    """Return the context of a request that came with a trace; None where the header is none.

    As the recommendation says, a wrong `traceparent` counts as absent, and with it whatever `tracestate` holds; a wrong
    `tracestate` alone is dropped.
    """
    match = _TRACEPARENT.fullmatch(traceparent.strip())
    if match is None or match[1] == _INVALID_VERSION or (match[1] == "00" and match[5]):
        return None
    trace_id, parent_id = match[2], match[3]
    if trace_id == _NO_TRACE or parent_id == _NO_SPAN:
        return None
    sampled = bool(int(match[4], 16) & _SAMPLED)
    return TraceContext(trace_id, _new_id(64), parent_id, sampled, valid_state(tracestate))


def begun(sample_ratio: float) -> TraceContext:
    """Begin a trace.

    Args:
        sample_ratio: 0 to 1; by the trace's identifier, so that every service of the same ratio decides alike.
    """
    trace_id = _new_id(128)
    return TraceContext(trace_id, _new_id(64), None, is_sampled(trace_id, sample_ratio))


def is_sampled(trace_id: str, ratio: float) -> bool:
    """Decide as OpenTelemetry's TraceIdRatioBased does: by the last 64 bits of the identifier."""
    return int(trace_id[16:], 16) < round(ratio * 2**64)


def valid_state(tracestate: str) -> str:
    """Return a `tracestate` as it may be passed on; empty where it is not valid."""
    if len(tracestate) > _MAX_STATE_CHARACTERS:
        return ""
    members = [member for part in tracestate.split(",") if (member := part.strip(" \t"))]
    keys = {member.partition("=")[0] for member in members}
    if len(members) > _MAX_STATE_MEMBERS or len(keys) < len(members) or not all(map(_MEMBER.fullmatch, members)):
        return ""
    return ",".join(members)


def _new_id(bits: int) -> str:
    # Identifiers are no secrets, but those of two replicas must differ: Python seeds this anew in a forked process too.
    while not (number := random.getrandbits(bits)):
        pass
    return f"{number:0{bits // 4}x}"
