"""Scenarios that kinds of models have for themselves, by entry points of the group `scoring.loads`.

An entry point names a `KindLoads`. What the generator sends to a model that no kind knows is `infer:NAME`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from loadtest.errors import BenchmarkError
from loadtest.generator.plan import Request

GROUP = "scoring.loads"


@dataclass(frozen=True, slots=True)
class Addressed:
    """What a kind makes requests of.

    Attributes:
        model: the model's name.
        version: its version, for the routes that name one.
        data: the user's own data; None for the kind's own.
    """

    model: str
    version: str
    data: Path | None = None


@dataclass(frozen=True, slots=True)
class KindLoads:
    """What a kind can send.

    Attributes:
        scenarios: by name: what it is, and what makes its requests. The first is sent where none is named.
        soak: scenarios of a soak with their weights, where none are named.
    """

    scenarios: Mapping[str, tuple[str, Callable[[Addressed], list[Request]]]]
    soak: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """Where data come from, and what the models are called.

    Attributes:
        data: the user's own data by the kind's name.
        models: names of models by the kind's name; those of the kinds where it has none.
        version: of all, for the routes that name one.
    """

    data: Mapping[str, Path] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    version: str = "1"

    def __post_init__(self) -> None:
        for kind in (*self.data, *self.models):
            if kind not in load_kinds():
                raise BenchmarkError(f"There is no kind of load '{kind}'; there are {', '.join(load_kinds())}.")

    def model(self, kind: str) -> str:
        """Return the name of a kind's model."""
        return self.models.get(kind, kind)

    def addressed(self, kind: str) -> Addressed:
        """Return what a kind makes requests of."""
        return Addressed(self.model(kind), self.version, self.data.get(kind))


@cache
def load_kinds() -> Mapping[str, KindLoads]:
    """Return every installed kind of load by its name, those of this distribution first.

    Raises:
        BenchmarkError: one cannot be imported, or is none.
    """
    return {entry.name: _loaded(entry) for entry in sorted(entry_points(group=GROUP), key=_order)}


def default_scenario() -> str:
    """Return the scenario that is sent where none is named."""
    for kind in load_kinds().values():
        return next(iter(kind.scenarios))
    raise BenchmarkError("No kind of load is installed; name a scenario with --scenario.")


def _order(entry: EntryPoint) -> tuple[bool, str]:
    return not entry.value.startswith("loadtest."), entry.name


def _loaded(entry: EntryPoint) -> KindLoads:
    try:
        found = entry.load()
    except Exception as error:
        raise BenchmarkError(
            f"The kind of load '{entry.name}' cannot be imported from {entry.value}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(found, KindLoads):
        raise BenchmarkError(f"The entry point '{entry.name}' must name an object of {KindLoads.__module__}.KindLoads.")
    return found
