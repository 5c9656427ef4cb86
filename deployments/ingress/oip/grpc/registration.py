"""What stands around Ray Serve's own handling of a gRPC call; Ray finds it by `grpc_servicer_functions`."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote

import grpc

from deployments.errors import Forbidden, ScoringError
from deployments.ingress.endpoints import place_of
from deployments.ingress.oip.grpc import ONLY_LOOPBACK
from deployments.ingress.oip.grpc.calls import DEADLINE, RAY_REQUEST_ID, call_id
from deployments.ingress.oip.grpc.protocol import METHODS, SERVICE
from deployments.ingress.oip.grpc.statuses import status_of
from deployments.ingress.request_ids import REQUEST_ID

logger = logging.getLogger("ray.serve")

Behavior = Callable[[AsyncIterator[bytes], Any], Awaitable[bytes]]


def add_service(_servicer: object, server: Any) -> None:
    """Register the protocol's methods, as functions that protoc generates do."""
    server.add_generic_rpc_handlers((_Handlers(),))


class _Handlers(grpc.ServiceRpcHandler):  # type: ignore[misc]
    """Methods that Ray makes call the ingress.

    Each takes a stream, of which a client sends one message: so it is read when it is known who sends it, and that
    there is room. To the client that is the same.
    """

    def __init__(self) -> None:
        # Ray puts its own handlers in the place of these.
        self._method_handlers = {
            f"/{SERVICE}/{method}": grpc.stream_unary_rpc_method_handler(_unreplaced) for method in METHODS
        }

    def service_name(self) -> str:
        """Name the service."""
        return SERVICE

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Return the handler of a call; None, and so UNIMPLEMENTED, for methods of others' extensions."""
        handler = self._method_handlers.get(handler_call_details.method)
        return handler and handler._replace(stream_unary=surrounded(handler.stream_unary))


async def _unreplaced(_requests: object, _context: object) -> bytes:
    raise NotImplementedError


def surrounded(behavior: Behavior) -> Behavior:
    """Have a handler see a harmless identifier and the deadline, and nothing unexpected reach the client."""

    async def answer(requests: AsyncIterator[bytes], context: Any) -> bytes:
        introduced = Introduced(context)
        # Until the ingress says more.
        context.set_trailing_metadata([(REQUEST_ID, introduced.request_id)])
        if os.environ.get(ONLY_LOOPBACK) and not is_loopback(context.peer()):
            refusal = Forbidden("This service answers only to its own machine.")
            await context.abort(status_of(refusal), refusal.message)
        try:
            return await behavior(requests, introduced)
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            # gRPC would show it to the client.
            logger.error("Request %s failed: %s", introduced.request_id, place_of(error))  # noqa: TRY400
            await context.abort(status_of(ScoringError()), ScoringError().message)
            raise

    return answer


class Introduced:
    """A call's context with other metadata: those that only this service may set are its own."""

    def __init__(self, context: Any) -> None:
        self._context = context
        sent = context.invocation_metadata() or ()
        self.request_id = call_id(sent)
        kept = [(name, value) for name, value in sent if name not in {RAY_REQUEST_ID, DEADLINE}]
        self._metadata = (*kept, (RAY_REQUEST_ID, self.request_id), *self._deadline())

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """Return what the client sent, with what this service adds."""
        return self._metadata

    def _deadline(self) -> list[tuple[str, str]]:
        seconds = self._context.time_remaining()
        return [] if seconds is None else [(DEADLINE, repr(time.time() + seconds))]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def is_loopback(peer: str) -> bool:
    """Whether a peer, such as `ipv4:127.0.0.1:4711` or `ipv6:%5B::1%5D:4711`, is on this machine."""
    kind, _, address = unquote(peer).partition(":")
    try:
        return kind == "unix" or ip_address(address.rpartition(":")[0].strip("[]")).is_loopback
    except ValueError:
        return False
