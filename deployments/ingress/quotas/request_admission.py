"""The admission of an HTTP request, as the gate left it with the request."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from deployments.ingress.quotas.admission import Admission
from deployments.ingress.quotas.rate_limit_headers import POLICY
from deployments.ingress.settings import IngressSettings, Limits

_POLICY = POLICY.encode()


def limits_for(request: Request, limits: Limits) -> IngressSettings:
    """Return the limits for a request: the ingress's, or its client's where they are lower."""
    admission = _admission_of(request)
    return limits() if admission is None else admission.narrowed(limits())


def keep(admission: Admission, request: Request) -> None:
    """Leave its admission with a request."""
    request.scope.setdefault("state", {})["admission"] = admission


def tell_quota(response: Response, request: Request) -> None:
    """Put into a response what it tells of its client's limits, unless an error has told it already."""
    admission = _admission_of(request)
    if admission is not None and all(name != _POLICY for name, _ in response.raw_headers):
        # Around Starlette's mapping, which looks through all headers for each that it sets.
        response.raw_headers += [(name.encode(), value.encode()) for name, value in admission.headers.items()]


def _admission_of(request: Request) -> Admission | None:
    admission: Admission | None = request.scope.get("state", {}).get("admission")
    return admission
