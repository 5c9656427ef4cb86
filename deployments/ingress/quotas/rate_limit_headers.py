"""The headers RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10), and Retry-After."""

from __future__ import annotations

import math
from functools import lru_cache

from deployments.ingress.quotas.bounds import Bounds
from deployments.ingress.quotas.counters import SECONDS_PER_DAY, Usage

POLICY = "ratelimit-policy"
RATE_LIMIT = "ratelimit"


def rate_limit_headers(bounds: Bounds, usage: Usage) -> dict[str, str]:
    """Return both headers."""
    return {POLICY: policy_of(bounds), RATE_LIMIT: rate_limit_of(bounds, usage)}


@lru_cache(maxsize=1024)
def policy_of(bounds: Bounds) -> str:
    """Return the limits: `q` is the quota, `w` its window in seconds, `qu` what it counts if not requests.

    A burst of b at a rate of r comes back in b / r seconds, which is the window of its quota.
    """
    items = []
    if bounds.rate is not None:
        items.append(f'"requests";q={bounds.burst};w={math.ceil(bounds.burst / bounds.rate)}')
    if bounds.concurrent is not None:
        items.append(f'"concurrent";q={bounds.concurrent};qu="concurrent-requests"')
    if bounds.daily_bytes is not None:
        items.append(f'"bytes";q={bounds.daily_bytes};w={SECONDS_PER_DAY};qu="content-bytes"')
    return ", ".join(items)


def rate_limit_of(bounds: Bounds, usage: Usage) -> str:
    """Return what is left: `r` of the quota, and `t`, in how many seconds all of it is there again."""
    items = []
    if bounds.rate is not None:
        left = max(0, math.floor(bounds.burst - usage.level + 1e-6))
        items.append(f'"requests";r={left};t={math.ceil(usage.level / bounds.rate)}')
    if bounds.concurrent is not None:
        items.append(f'"concurrent";r={max(0, bounds.concurrent - usage.running)}')
    if bounds.daily_bytes is not None:
        left = max(0, bounds.daily_bytes - usage.bytes_used)
        items.append(f'"bytes";r={left};t={math.ceil(usage.seconds_left)}')
    return ", ".join(items)


def retry_after_of(usage: Usage) -> int:
    """Return the seconds for Retry-After: whole ones, and never none."""
    return max(1, math.ceil(usage.wait_seconds))
