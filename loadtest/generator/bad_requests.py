"""Requests that a service must refuse, made from such that it answers."""

from __future__ import annotations

import json
from collections.abc import Sequence

from loadtest.generator.plan import Request

# How a service says that a request is wrong; 401, 404 or 429 would say something else.
EXPECTED = frozenset({400, 413, 415, 422})

# Beyond every limit; only the beginning of it is sent.
TOO_LARGE_BYTES = 2**40
_SENT_BYTES = 16 * 1024


def bad_requests(requests: Sequence[Request]) -> list[Request]:
    """Return what is wrong in the ways in which clients are wrong; empty for requests without a body.

    Of JSON: cut off, of a wrong type, without what it needs. Of files: another content. Of both: far larger than the
    limit, which the client says and then does not send.
    """
    if not requests or not requests[0].body:
        return []
    good = requests[0]
    is_json = good.headers.get("Content-Type", "").startswith("application/json")
    wrong = _wrong_json(good) if is_json else [good.model_copy(update={"body": b"not what the model takes" * 64})]
    large = good.model_copy(
        update={"body": good.body[:1] * _SENT_BYTES, "declared_bytes": TOO_LARGE_BYTES},
    )
    return [*wrong, large]


def _wrong_json(good: Request) -> list[Request]:
    content = json.loads(good.body)
    first = next(iter(content))
    wrong_type = json.dumps({**content, first: 5}).encode()
    lacking = json.dumps({"no_such_field": 1}).encode()
    return [good.model_copy(update={"body": body}) for body in (good.body[: len(good.body) // 2], wrong_type, lacking)]
