"""Quotas before handlers of HTTP requests."""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from deployments.ingress.access.principals import principal_of
from deployments.ingress.endpoints import Handler
from deployments.ingress.headers import header
from deployments.ingress.quotas.admission import Admission
from deployments.ingress.quotas.quotas import Quotas
from deployments.ingress.quotas.request_admission import keep

# A length of more digits is over every limit, as reading the body shows.
MAX_DIGITS = 15


class QuotaGate:
    """Lets requests through to a handler as far as their clients' quotas go; the guard stands before it.

    Args:
        quotas: the quotas.
        models: names of the models that there are; requests for others are for the handler to refuse.
    """

    def __init__(self, quotas: Quotas, models: Collection[str]) -> None:
        self._quotas = quotas
        self._models = frozenset(models)

    def __call__(self, handler: Handler, model: str | None = None) -> Handler:
        """Put the gate before a handler of a model's requests; None: of the model that the path names."""

        async def answer(request: Request) -> Response:
            if not self._quotas.are_set:
                return await handler(request)
            name = request.path_params["model"] if model is None else model
            return await (self._admitted(handler, request, name) if name in self._models else handler(request))

        return answer

    async def _admitted(self, handler: Handler, request: Request, model: str) -> Response:
        admission = await self._quotas.admit(principal_of(request).client_id, model, size=_announced(request))
        if admission is None:
            return await handler(request)
        keep(admission, request)
        try:
            return await handler(_counted(request, admission) if admission.counts_bytes else request)
        finally:
            admission.finish()


def _announced(request: Request) -> int | None:
    length = header(request, "content-length") or ""
    return int(length) if length.isdecimal() and len(length) <= MAX_DIGITS else None


def _counted(request: Request, admission: Admission) -> Request:
    async def receive() -> Message:
        message = await request.receive()
        admission.count(len(message.get("body", b"")))
        return message

    return Request(request.scope, receive)
