"""How many requests one replica of the ingress holds at once."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from deployments.errors import Overloaded
from deployments.ingress.body_memory import BodyMemory, Held
from deployments.ingress.endpoints import Handler
from deployments.ingress.settings import Limits


class ConcurrencyLimiter:
    """Refuses requests beyond a number and bodies beyond a size of all together, so that memory stays bounded.

    Args:
        limits: returns the ingress's settings.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._running = 0
        self._memory = BodyMemory(limits)

    @property
    def running(self) -> int:
        """Requests that are held now."""
        return self._running

    def enter(self) -> Held:
        """Count one more request, and return what is to hold the memory of its body; `leave` must follow.

        Raises:
            Overloaded: there are as many as there may be.
        """
        if self._running >= self._limits().max_requests:
            raise Overloaded("Too many requests are in flight; try again shortly.")
        self._running += 1
        return Held(self._memory)

    def handler(self, handler: Handler) -> Handler:
        """Count the requests of a handler together with all others."""

        async def answer(request: Request) -> Response:
            held = self.enter()
            try:
                return await handler(request)
            finally:
                self.leave(held)

        return answer

    def leave(self, held: Held) -> None:
        """Count one less."""
        self._running -= 1
        held.release()
