"""Kinds of models: what each says of itself, and the registry that finds them by entry points.

A kind is a folder and one entry point of the group `scoring.kinds`, in this distribution or in another. Nothing outside
that folder names it: the settings, the builder, the ingress, the client and the cluster ask the kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from deployments.errors import StartupError
from deployments.scaling import ScalingSettings

if TYPE_CHECKING:
    from deployments.interface import Interface

GROUP = "scoring.kinds"

# Without hyphens, and never `preprocess`: so no two stages of a deployment `{model}-{version}` get one name.
VersionName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_.]{0,62}[a-z0-9])?$")]


class VersionSettings(BaseModel):
    """What every version of a model has; a kind adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: VersionName = Field(default="1", description="Names the version in requests and responses.")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The application that a version is built into.

    Attributes:
        is_local: whether it runs on a laptop, where untrained weights will do.
        ingress_replicas: replicas of the ingress at the most.
        may_host_all: whether the ingress is one replica, or may be, and so may host what takes all cores.
        drain_seconds: how long a replica that is to stop may work on what it has accepted.
        logging: Ray Serve's `logging_config`.
    """

    is_local: bool = True
    ingress_replicas: int = 1
    may_host_all: bool = True
    drain_seconds: float = 65
    logging: Any = None


@dataclass(frozen=True, slots=True)
class BoundVersion:
    """A version as its kind hands it to the ingress.

    Attributes:
        model: the model's name.
        version: the version's name.
        kind: the name of its kind.
        first_stage: the stage that requests go to first: one that each replica of the ingress hosts, or one with
            replicas of its own, which is bound when the application is built and in a replica is its handle.
        scaling: that stage's settings; of a hosted one its limits count.
        together: whether items of several requests travel together.
        max_explanations: items that one replica of the ingress may have explained at once; 0 allows none.
    """

    model: str
    version: str
    kind: str
    first_stage: Any
    scaling: ScalingSettings
    together: bool = True
    max_explanations: int = 0


class Kind(ABC):
    """What one kind of models says of itself. Everything here is known without Ray and without a model library.

    Attributes:
        name: the kind's name in the settings.
        title: begins the description of its models in the settings' schema.
        default_model: name of a model of this kind where the settings give none.
        takes: as the interface has it.
        is_default: whether settings without any models serve one of this kind.
        settings: of a version.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    default_model: ClassVar[str]
    takes: ClassVar[str | None] = None
    is_default: ClassVar[bool] = False
    settings: ClassVar[type[VersionSettings]]

    @abstractmethod
    def bind(self, model: str, version: Any, surroundings: Surroundings) -> BoundVersion:
        """Bind the stages of a version; imports Ray."""

    @abstractmethod
    def interface(self) -> Interface:
        """Return how models of this kind are asked; imported where requests are answered."""

    @abstractmethod
    def scalings(self, version: Any) -> Mapping[str, ScalingSettings]:
        """Return the scaling of each stage with replicas of its own by its key in the settings, defaults filled in."""

    @abstractmethod
    def memory_mb(self, version: Any, ingress_replicas: int) -> int:
        """Return what the smallest number of replicas takes at rest, in MiB; `ingress_replicas`: those that host."""

    @abstractmethod
    def curl(self) -> str:
        """Return what follows the address in a curl command that scores."""

    def needs_all_cores(self, version: Any, surroundings: Surroundings) -> bool:  # noqa: ARG002
        """Whether the ingress hosts what takes all cores, so that there may be one replica of it only."""
        return False

    def gpu_stages(self, version: Any) -> frozenset[str]:  # noqa: ARG002
        """Return the keys of those scalings whose stages are set to use a GPU."""
        return frozenset()


@cache
def kinds() -> Mapping[str, Kind]:
    """Return every installed kind by name, those of this distribution first.

    Raises:
        StartupError: a kind cannot be imported, is none, or two have one name.
    """
    found: dict[str, tuple[Kind, EntryPoint]] = {}
    for entry in sorted(entry_points(group=GROUP), key=_order):
        if entry.name in found:
            if found[entry.name][1].value == entry.value:
                continue
            raise StartupError(
                f"Two kinds of models are named '{entry.name}': {found[entry.name][1].value} and {entry.value}; "
                "uninstall one of their distributions."
            )
        found[entry.name] = (_loaded(entry), entry)
    return {name: kind for name, (kind, _) in found.items()}


def find_kind(name: str) -> Kind:
    """Return the kind of a name.

    Raises:
        StartupError: none of that name is installed.
    """
    try:
        return kinds()[name]
    except KeyError:
        raise StartupError(f"There is no kind of models named '{name}'; installed are {', '.join(kinds())}.") from None


def _order(entry: EntryPoint) -> tuple[bool, str]:
    return not entry.value.startswith("deployments."), entry.name


def _loaded(entry: EntryPoint) -> Kind:
    try:
        kind = entry.load()
    except Exception as error:
        raise StartupError(
            f"The kind of models '{entry.name}' cannot be imported from {entry.value}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(kind, Kind):
        raise StartupError(f"The entry point '{entry.name}' must name an object of deployments.kinds.Kind.")
    if kind.name != entry.name:
        raise StartupError(f"The kind at {entry.value} is named '{kind.name}', and its entry point '{entry.name}'.")
    return kind
