"""The table in which every request's model is looked up, whatever its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from deployments.contracts import ModelDescription, Outcome
from deployments.errors import NotFound, NotStarted, Unavailable
from deployments.interface import Interface


class Stage(Protocol):
    """The stage that a model's requests go to first."""

    def check_room(self) -> None:
        """Raise Overloaded unless one more item would be taken."""

    async def submit(self, item: Any, *, deadline: float | None = None) -> Outcome[Any]:
        """Score one item."""

    async def describe(self, timeout_seconds: float) -> ModelDescription:
        """Ask what is loaded."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Version:
    """One version of a model, and the stage that serves it.

    Attributes:
        name: the version's name.
        stage: what scores; another one when the version has become ready, or is called in another way.
        explainer: the same, for items that are to be explained; None where the settings allow no explanations.
    """

    name: str
    stage: Stage
    explainer: Stage | None = None

    def check_room(self) -> None:
        """Make sure, before a request's body is read, that its first item would be taken.

        Raises:
            Overloaded: the stage's queue is full.
            Unavailable: the version is not ready.
        """
        self.stage.check_room()


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model that requests can name.

    Attributes:
        name: as in the route.
        interface: how it is asked.
        versions: by name, in the order of the settings.
        default: name of the version that answers requests which name none; the first if left out.
    """

    name: str
    interface: Interface
    versions: Mapping[str, Version]
    default: str | None = None

    def version(self, name: str | None = None) -> Version:
        """Find a version; without a name, the one that answers by default.

        Raises:
            NotFound: no such version.
        """
        if name is None:
            name = self.default
        if name is None:
            return next(iter(self.versions.values()))
        try:
            return self.versions[name]
        except KeyError:
            raise NotFound(f"Model {self.name} has no such version; it has {', '.join(self.versions)}.") from None


class ModelTable:
    """All models of the service by name.

    Args:
        models: the models.
        defaults: names of models that answer `POST /score`, by what their kinds take.
    """

    def __init__(self, models: Iterable[Model] = (), defaults: Mapping[str, str] | None = None) -> None:
        self._models: Mapping[str, Model] = {}
        self.defaults: Mapping[str, str] = {}
        self.replace(models, defaults or {})

    def replace(self, models: Iterable[Model], defaults: Mapping[str, str]) -> None:
        """Have other models from now on; requests that are under way keep theirs."""
        self._models = {model.name: model for model in models}
        self.defaults = defaults

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def find(self, name: str) -> Model:
        """Find a model.

        Raises:
            NotFound: no such model.
        """
        try:
            return self._models[name]
        except KeyError:
            raise NotFound(f"There is no such model; there are {', '.join(self._models)}.") from None

    async def not_ready(self, timeout_seconds: float, *, with_causes: bool = False) -> list[str]:
        """Ask every version of every model, and return the names of those that cannot answer now.

        Args:
            timeout_seconds: how long each may take.
            with_causes: tell why, where that is known; a cause may name a file.
        """
        versions = [(f"{model.name}/{version.name}", version) for model in self for version in model.versions.values()]
        answers = await asyncio.gather(*(_why_not(version, timeout_seconds) for _, version in versions))
        missing = [(title, why) for (title, _), why in zip(versions, answers, strict=True) if why is not None]
        return [_told(title, why) if with_causes else title for title, why in missing]


async def is_ready(version: Version, timeout_seconds: float) -> bool:
    """Whether a version answers; a replica runs a real inference before it answers anything."""
    return await _why_not(version, timeout_seconds) is None


async def _why_not(version: Version, timeout_seconds: float) -> Unavailable | None:
    try:
        await version.stage.describe(timeout_seconds)
    except Unavailable as error:
        return error
    return None


def _told(title: str, why: Unavailable) -> str:
    return f"{title} ({why.message.removesuffix('.')})" if isinstance(why, NotStarted) else title
