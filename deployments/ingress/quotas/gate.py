"""Quotas before handlers of HTTP requests that have no body; what scores is counted by the pipeline."""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import Response

from deployments.ingress.access.principals import principal_of
from deployments.ingress.endpoints import Handler
from deployments.ingress.quotas.quotas import Quotas
from deployments.ingress.quotas.rate_limit_headers import POLICY


class QuotaGate:
    """Lets requests through to a handler as far as their clients' quotas go; the guard stands before it.

    Args:
        quotas: the quotas.
        models: names of the models that there are; requests for others are for the handler to refuse.
    """

    def __init__(self, quotas: Quotas, models: Collection[str]) -> None:
        self._quotas = quotas
        self._models = frozenset(models)

    def __call__(self, handler: Handler) -> Handler:
        """Put the gate before a handler of requests for the model that the path names."""

        async def answer(request: Request) -> Response:
            model = request.path_params["model"]
            if not self._quotas.are_set or model not in self._models:
                return await handler(request)
            return await self._admitted(handler, request, model)

        return answer

    async def _admitted(self, handler: Handler, request: Request, model: str) -> Response:
        admission = await self._quotas.admit(principal_of(request).client_id, model)
        if admission is None:
            return await handler(request)
        try:
            response = await handler(request)
        finally:
            admission.finish()
        if POLICY not in response.headers:
            response.headers.update(admission.headers)
        return response
