"""What one request may ask for: as the settings have it, or as its model's interface does where they say nothing."""

from __future__ import annotations

from deployments.ingress.settings import IngressSettings
from deployments.interface import Interface, RequestLimits

_known: dict[tuple[int, int], tuple[IngressSettings, RequestLimits]] = {}

# Settings of a replica, and those that a client's quota makes of them.
MOST_KNOWN = 256


def request_limits(settings: IngressSettings, interface: Interface) -> RequestLimits:
    """Return the limits of a request."""
    key = (id(settings), id(interface))
    known = _known.get(key)
    if known is not None and known[0] is settings:
        return known[1]
    items = {noun: settings.most_items(noun, most) for noun, most in interface.limits.items()}
    limits = RequestLimits(items, settings.max_result_rows)
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    # With the settings, so that nothing else gets their place in memory meanwhile.
    _known[key] = settings, limits
    return limits
