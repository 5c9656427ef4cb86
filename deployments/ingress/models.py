"""The table in which every request's model is looked up, whatever its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from deployments.contracts import ModelDescription, Outcome
from deployments.errors import NotFound, Unavailable
from deployments.interface import Interface


class Stage(Protocol):
    """The stage that a model's requests go to first."""

    def check_room(self) -> None:
        """Raise Overloaded unless one more item would be taken."""

    async def submit(self, item: Any, *, deadline: float | None = None) -> Outcome[Any]:
        """Score one item."""

    async def describe(self, timeout_seconds: float) -> ModelDescription:
        """Ask what is loaded."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model, and the stage that serves it.

    Attributes:
        name: the version's name.
        stage: what scores.
        explainer: the same, for items that are to be explained; None where the settings allow no explanations.
    """

    name: str
    stage: Stage
    explainer: Stage | None = None

    def check_room(self) -> None:
        """Make sure, before a request's body is read, that its first item would be taken.

        Raises:
            Overloaded: the stage's queue is full.
        """
        self.stage.check_room()


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A model that requests can name.

    Attributes:
        name: as in the route.
        interface: how it is asked.
        versions: by name, in the order of the settings; the first answers requests that name none.
    """

    name: str
    interface: Interface
    versions: Mapping[str, Version]

    def version(self, name: str | None = None) -> Version:
        """Find a version; without a name, the one that answers by default.

        Raises:
            NotFound: no such version.
        """
        if name is None:
            return next(iter(self.versions.values()))
        try:
            return self.versions[name]
        except KeyError:
            raise NotFound(f"Model {self.name} has no such version; it has {', '.join(self.versions)}.") from None


class ModelTable:
    """All models of the application by name."""

    def __init__(self, models: list[Model]) -> None:
        self._models = {model.name: model for model in models}

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

    async def not_ready(self, timeout_seconds: float) -> list[str]:
        """Ask every version of every model, and return the names of those that cannot answer now."""
        names = [(model.name, version) for model in self for version in model.versions.values()]
        answers = await asyncio.gather(*(is_ready(version, timeout_seconds) for _, version in names))
        return [f"{name}/{version.name}" for (name, version), ready in zip(names, answers, strict=True) if not ready]


async def is_ready(version: Version, timeout_seconds: float) -> bool:
    """Whether a replica answers; a replica runs a real inference before it answers anything."""
    try:
        await version.stage.describe(timeout_seconds)
    except Unavailable:
        return False
    return True
