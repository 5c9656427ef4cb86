"""The admission of an HTTP request, as the gate left it with the request."""

from __future__ import annotations

from starlette.requests import Request

from deployments.ingress.quotas.admission import Admission
from deployments.ingress.settings import IngressSettings, Limits


def limits_for(request: Request, limits: Limits) -> IngressSettings:
    """Return the limits for a request: the ingress's, or its client's where they are lower."""
    admission = _admission_of(request)
    return limits() if admission is None else admission.narrowed(limits())


def quota_headers(request: Request) -> dict[str, str]:
    """Return what the response to a request tells of its client's limits."""
    admission = _admission_of(request)
    return {} if admission is None else admission.headers


def _admission_of(request: Request) -> Admission | None:
    admission: Admission | None = request.scope.get("state", {}).get("admission")
    return admission
