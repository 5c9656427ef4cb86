"""Versions on their way to being ready: in this process, or in an application of their own."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

from deployments.contracts import CallLimits, ModelDescription, Outcome
from deployments.errors import NotStarted, StartupError, Unavailable
from deployments.ingress.routing.table import Stage, Version
from deployments.interface import Interface
from deployments.local_stage import LocalStage
from deployments.stage_client import StageClient
from deployments.stage_handle import StageHandle

logger = logging.getLogger("ray.serve")

# How long an application is asked before its state is looked up, and how long until it is asked again.
ASK_SECONDS = 2.0
AGAIN_SECONDS = 0.25
AFTER_FAILURE_SECONDS = 2.0

# Returns the way to a deployment of an application; raises Unavailable if there is none of that name.
Connect = Callable[[str, str], Awaitable[StageHandle]]
# Says why an application does not run; None where it may still start, or runs.
Cause = Callable[[str], Awaitable[str | None]]


class NotReady(Stage):
    """Stands in the place of a stage that cannot be asked.

    Args:
        error: what every request is answered with.
        why: what who asks for its state is answered with, which may tell more; the same if left out.
    """

    def __init__(self, error: Unavailable, why: Unavailable | None = None) -> None:
        self._error = error
        self._why = why or error

    def check_room(self) -> None:
        """Refuse."""
        raise self._error

    async def submit(self, item: Any, *, deadline: float | None = None) -> Outcome[Any]:  # noqa: ARG002
        """Refuse."""
        raise self._error

    async def describe(self, timeout_seconds: float) -> ModelDescription:  # noqa: ARG002
        """Refuse, and say why."""
        raise self._why


class Home(ABC):
    """Where a version lives.

    Args:
        title: of the version, as in `model/version`.
        name: of the version.
        interface: how it is asked.
    """

    def __init__(self, title: str, name: str, interface: Interface) -> None:
        self.version = Version(name, NotReady(Unavailable(f"{title} is starting.")))
        self._title = title
        self._interface = interface

    @abstractmethod
    async def start(self) -> None:
        """Make the version ready; it says itself why it is not."""

    def is_ready(self, handle: StageHandle, calls: CallLimits) -> None:
        """Let requests come to a stage."""
        self.version.stage = self._scorer(handle, calls)
        self.version.explainer = None
        if calls.explanations:
            explainer = StageClient[Any, Any](handle, calls, method="explain", max_alone=calls.explanations)
            self.version.explainer = explainer

    def _scorer(self, handle: StageHandle, calls: CallLimits) -> Stage:
        return StageClient[Any, Any](handle, calls, weigh=self._interface.weigh)

    def has_failed(self, why: str) -> None:
        """Refuse requests, and say why to who asks for the version's state: a cause may name a file."""
        self.version.stage = NotReady(NotStarted(f"{self._title} could not be started."), self._told(why))

    def _told(self, why: str) -> NotStarted:
        return NotStarted(f"{self._title} could not be started: {why}")


class InThisProcess(Home):
    """A version of which every replica of the gateway has one.

    Args:
        title: of the version.
        name: of the version.
        interface: how it is asked.
        stage: the first stage, not made yet.
        calls: how it is called.
    """

    def __init__(self, title: str, name: str, interface: Interface, stage: LocalStage, calls: CallLimits) -> None:
        super().__init__(title, name, interface)
        self._stage = stage
        self._calls = calls
        self.failure: Exception | None = None

    async def start(self) -> None:
        """Load the model; whatever fails, fails alone."""
        try:
            self.is_ready(await self._stage.start(), self._calls)
        except Exception as error:
            self.failure = error
            logger.exception("%s could not be started.", self._title)
            self.has_failed(str(error) if isinstance(error, StartupError) else f"{type(error).__name__}: {error}")


class InApplication(Home):
    """A version that is an application of its own.

    Args:
        title: of the version.
        name: of the version.
        interface: how it is asked.
        application: its name.
        deployment: of its first stage.
        connect: returns the way to that.
        cause: says why it does not run.
    """

    def __init__(  # noqa: PLR0917
        self,
        title: str,
        name: str,
        interface: Interface,
        application: str,
        deployment: str,
        connect: Connect,
        cause: Cause,
    ) -> None:
        super().__init__(title, name, interface)
        self._application = application
        self._deployment = deployment
        self._connect = connect
        self._cause = cause
        self._failed = False

    async def start(self) -> None:
        """Ask the application until it answers."""
        while True:
            if await self._is_connected():
                return
            # Each question is one to Ray Serve's controller, and what has failed may stay so for hours.
            await asyncio.sleep(AFTER_FAILURE_SECONDS if self._failed else AGAIN_SECONDS)

    async def _is_connected(self) -> bool:
        try:
            return await self._ask()
        except Exception:
            # Whatever it is, the version is asked again; else it would never be ready.
            logger.exception("%s cannot be asked.", self._title)
            self._failed = True
            return False

    async def _ask(self) -> bool:
        try:
            handle = await self._connect(self._application, self._deployment)
            async with asyncio.timeout(ASK_SECONDS):
                description = await handle.describe()
        except (Unavailable, TimeoutError):
            why = await self._cause(self._application)
            self._failed = why is not None
            if why is not None:
                self.has_failed(why)
            return False
        if description.calls is None:
            self.has_failed(f"the application {self._application} is no version of a model")
            return False
        self.is_ready(handle, description.calls)
        return True

    def _scorer(self, handle: StageHandle, calls: CallLimits) -> Stage:
        return _Followed(self, self._interface, handle, calls)

    async def why_not(self) -> Unavailable | None:
        """Return why the application does not answer, if that is known."""
        why = await self._cause(self._application)
        return self._told(why) if why is not None else None


class _Followed(StageClient[Any, Any]):
    """The first stage of an application, which may change how it is called, and may fail, while this runs."""

    def __init__(self, home: InApplication, interface: Interface, handle: StageHandle, calls: CallLimits) -> None:
        super().__init__(handle, calls, weigh=interface.weigh)
        self._home = home
        self._calls = calls

    async def describe(self, timeout_seconds: float) -> ModelDescription:
        """Ask a replica what it has loaded, and go by what it says of calls."""
        try:
            description = await super().describe(timeout_seconds)
        except Unavailable:
            if (why := await self._home.why_not()) is not None:
                raise why from None
            raise
        if description.calls is not None and description.calls != self._calls:
            self._home.is_ready(self._stage, description.calls)
        return description
