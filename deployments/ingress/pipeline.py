"""The steps of every request that scores: admit, authenticate, authorize, count, read, decode, score, encode.

HTTP and gRPC, and every protocol over them, come this way; what differs is in the context (how a body is read) and in
the protocol (what it says).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from deployments.codecs.body import Body
from deployments.contracts import ModelDescription
from deployments.errors import InvalidInput, Overloaded, ScoringError
from deployments.ingress.access.principals import ANYBODY, Principal
from deployments.ingress.context import RequestContext
from deployments.ingress.door import Door
from deployments.ingress.large_bodies import aside
from deployments.ingress.limits import request_limits
from deployments.ingress.routing.table import Model, Version
from deployments.ingress.scoring import Scored, score
from deployments.interface import RequestLimits, Work

ContextT = TypeVar("ContextT", bound=RequestContext)

# How old a model's description may be: a new one may have come behind the same name.
DESCRIPTION_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is to be scored with.

    Attributes:
        model: the model.
        version: the version of it.
    """

    model: Model
    version: Version


class Protocol(ABC, Generic[ContextT]):
    """A wire protocol: how its requests are read and its answers written.

    Attributes:
        needs_model: whether decoding needs what the model says of itself, for interfaces that ask for it.
    """

    needs_model = False

    def check(self, context: ContextT, target: Target) -> None:
        """Make sure, before a body is read, that it can be a request.

        Raises:
            ScoringError: it cannot.
        """

    @abstractmethod
    def decode(
        self,
        context: ContextT,
        body: Body,
        target: Target,
        limits: RequestLimits,
        description: ModelDescription | None,
    ) -> Work:
        """Read a body; on a thread where it is large.

        Raises:
            ScoringError: it is not valid.
        """

    def told(self, error: ScoringError) -> ScoringError:
        """Return an error as this protocol tells it."""
        return error

    def headers(self, context: ContextT) -> list[tuple[bytes, bytes]]:  # noqa: ARG002
        """Return the headers of every answer, refusals too."""
        return []

    @abstractmethod
    def encode(self, context: ContextT, target: Target, work: Work, scored: Scored) -> Any:
        """Write the answer, in the form of the transport."""


class Endpoint(ABC, Generic[ContextT]):
    """Where requests of one protocol come in.

    Args:
        protocol: theirs.
    """

    def __init__(self, protocol: Protocol[ContextT]) -> None:
        self.protocol = protocol

    @abstractmethod
    def model(self, context: ContextT) -> Model | None:
        """Return the model that its requests are for; None where only their bodies tell."""

    def version(self, context: ContextT) -> str | None:  # noqa: ARG002
        """Return the version that a request names; None for the default."""
        return None

    def authorize(self, context: ContextT, principal: Principal) -> None:
        """Refuse, before a body is read, who may score with no model that it could be for."""

    def find(self, context: ContextT, body: Body) -> tuple[Model, str | None]:
        """Tell from a body which model and version it is for.

        Raises:
            ScoringError: for none.
        """
        raise NotImplementedError


class Pipeline:
    """Answers requests.

    Args:
        door: what stands before every request; transports share it.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._descriptions = Descriptions()

    async def answer(self, context: ContextT, endpoint: Endpoint[ContextT]) -> Any:
        """Answer one request, in the form of its transport.

        Raises:
            ScoringError: it is refused, or has no result.
        """
        admit = self._door.bounded
        context.held = admit.enter()
        try:
            return await self._admitted(context, endpoint)
        except asyncio.CancelledError:
            if (failure := context.reason()) is not None:
                raise failure from None
            raise
        finally:
            context.stop_timer()
            admit.leave(context.held)
            if context.admission is not None:
                context.admission.finish()

    async def _admitted(self, context: ContextT, endpoint: Endpoint[ContextT]) -> Any:
        principal = await self._authenticated(context)
        protocol, body = endpoint.protocol, None
        known = endpoint.model(context)
        if known is None:
            endpoint.authorize(context, principal)
            context.start_timer()
            body = await context.read()
            model, name = await aside(len(body.content), endpoint.find, context, body)
        else:
            model, name = known, endpoint.version(context)
        principal.check_invoke(model.name)
        await self._count(context, principal, model)
        target = Target(model, model.version(name))
        target.version.check_room()
        if body is None:
            context.start_timer()
            protocol.check(context, target)
            body = await context.read()
        work = await self._decoded(context, protocol, target, body)
        scored = await self._scored(context, target, work)
        context.observation.model, context.observation.version = model.name, target.version.name
        context.observation.seconds = scored.seconds
        return protocol.encode(context, target, work, scored)

    async def _authenticated(self, context: RequestContext) -> Principal:
        principal = ANYBODY
        if context.settings.access.is_required:
            principal = await self._door.guard.admit(context.credentials)
        context.principal = principal
        context.observation.client_id = principal.client_id
        return principal

    async def _count(self, context: RequestContext, principal: Principal, model: Model) -> None:
        if not self._door.quotas.are_set:
            return
        size = context.observation.bytes_in if context.body_was_read else context.announced_bytes
        admission = await self._door.quotas.admit(principal.client_id, model.name, size=size)
        if admission is not None:
            context.admission = admission
            context.settings = admission.narrowed(context.settings)
            if context.body_was_read and admission.counts_bytes:
                admission.count(context.observation.bytes_in)

    async def _decoded(self, context: ContextT, protocol: Protocol[ContextT], target: Target, body: Body) -> Work:
        interface = target.model.interface
        limits = request_limits(context.settings, interface)
        description = None
        if protocol.needs_model and interface.asks_model:
            description = await self._descriptions.of(target.version, context.settings.request_timeout_seconds)
        before = context.deadline
        work = await aside(len(body.content), protocol.decode, context, body, target, limits, description)
        if context.deadline != before:
            context.check_timer()
        return work

    async def _scored(self, context: RequestContext, target: Target, work: Work) -> Scored:
        stage = target.version.stage
        if not work.explain:
            return await score(context, stage, work)
        if target.version.explainer is None:
            raise InvalidInput("This model gives no explanations; leave out 'explain'.")
        try:
            return await score(context, target.version.explainer, work)
        except Overloaded:
            # Everything else is answered.
            raise Overloaded(
                "Too many explanations are under way; try again shortly, or leave out 'explain'."
            ) from None


class Descriptions:
    """What models say of themselves, asked once a minute at most."""

    def __init__(self) -> None:
        # Weakly: versions come and go, and hold their models.
        self._known: WeakKeyDictionary[Version, tuple[float, ModelDescription]] = WeakKeyDictionary()

    async def of(self, version: Version, timeout_seconds: float) -> ModelDescription:
        """Return a version's description, which may be as old as `DESCRIPTION_SECONDS`.

        Raises:
            Unavailable: no replica answered in time.
        """
        now = asyncio.get_running_loop().time()
        if version in self._known and now - self._known[version][0] < DESCRIPTION_SECONDS:
            return self._known[version][1]
        description = await version.stage.describe(timeout_seconds)
        self._known[version] = (now, description)
        return description
