"""The limits that hold for a client at a model, put together from default and exceptions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deployments.ingress.quotas.settings import UNLIMITED, ExceptionSettings, LimitSettings, QuotaSettings
from deployments.ingress.settings import IngressSettings


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one client may use of one model; None where nothing is limited.

    Attributes:
        rate: requests per second in the long run.
        burst: requests at once after a pause.
        concurrent: requests in flight at once.
        daily_bytes: bytes of bodies from midnight to midnight, UTC.
        items: in one request, by what its model's kind calls them.
    """

    rate: float | None = None
    burst: int = 0
    concurrent: int | None = None
    daily_bytes: int | None = None
    items: tuple[tuple[str, int | None], ...] = ()

    @property
    def are_counted(self) -> bool:
        """Whether anything has to be counted across requests."""
        return not (self.rate is None and self.concurrent is None and self.daily_bytes is None)

    def narrowed(self, settings: IngressSettings) -> IngressSettings:
        """Return the ingress's settings with this client's limits where they are lower."""
        own = {noun: most for noun, most in self.items if most is not None}
        if not own:
            return settings
        # Where the settings say nothing the kind's own limit holds, which no quota lifts: it looks at both.
        return settings.with_items(own)

    def changed_by(self, limits: LimitSettings) -> Bounds:
        """Return these with what more particular limits say."""
        changes = {name: _number(value) for name, value in _values(limits).items() if value is not None}
        if limits.items_per_request:
            own = {noun: _number(most) for noun, most in limits.items_per_request.items() if most is not None}
            changes["items"] = tuple(sorted({**dict(self.items), **own}.items()))
        if limits.burst is not None:
            changes["burst"] = limits.burst
        elif (rate := changes.get("rate")) is not None:
            # A burst belongs to its rate.
            changes["burst"] = max(1, math.ceil(rate))
        return replace(self, **changes)


def _values(limits: LimitSettings) -> dict[str, Any]:
    return {
        "rate": limits.requests_per_second,
        "concurrent": limits.concurrent_requests,
        "daily_bytes": limits.bytes_per_day,
    }


def _number(value: Any) -> Any:
    return None if value == UNLIMITED else value


NO_BOUNDS = Bounds()


class BoundsTable:
    """Finds the limits for a client at a model; a lookup costs the same however many exceptions there are."""

    def __init__(self, settings: QuotaSettings) -> None:
        self._by_name = {(each.client, each.model): each for each in settings.exceptions}
        self._clients = {each.client for each in settings.exceptions}
        self._models = {each.model for each in settings.exceptions}
        self._default = NO_BOUNDS.changed_by(settings.default)
        self._known: dict[tuple[str | None, str | None], Bounds | None] = {}
        self.are_all_empty = {self._default, *map(NO_BOUNDS.changed_by, settings.exceptions)} == {NO_BOUNDS}

    def of(self, client: str, model: str) -> Bounds | None:
        """Return the limits for a client at a model, None if there are none."""
        # Clients without an exception of their own have one entry together, so there are never many.
        name = (client if client in self._clients else None, model if model in self._models else None)
        if name not in self._known:
            bounds = _put_together(self._default, self._by_name, *name)
            self._known[name] = None if bounds == NO_BOUNDS else bounds
        return self._known[name]


def _put_together(
    default: Bounds,
    by_name: Mapping[tuple[str | None, str | None], ExceptionSettings],
    client: str | None,
    model: str | None,
) -> Bounds:
    bounds = default
    for name in dict.fromkeys([(None, model), (client, None), (client, model)]):
        if name in by_name:
            bounds = bounds.changed_by(by_name[name])
    return bounds if bounds.rate is not None else replace(bounds, burst=0)
