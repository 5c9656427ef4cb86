"""What stands before every request of a replica, whatever the transport that it comes by."""

from __future__ import annotations

from deployments.ingress.access.guard import Guard
from deployments.ingress.concurrency import ConcurrencyLimiter
from deployments.ingress.quotas.quotas import Quotas
from deployments.ingress.settings import Limits


class Door:
    """The bound on requests in flight, who may come in, and how often; transports share all three.

    Args:
        limits: returns the ingress's settings.
        quotas: what clients may use; counted in this process if left out.
    """

    def __init__(self, limits: Limits, quotas: Quotas | None = None) -> None:
        self.limits = limits
        self.bounded = ConcurrencyLimiter(limits)
        self.guard = Guard(limits)
        self.quotas = quotas or Quotas(limits)
