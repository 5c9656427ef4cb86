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

from deployments.contracts import CallLimits
from deployments.errors import StartupError
from deployments.scaling import ScalingSettings

if TYPE_CHECKING:
    from ray.serve import Application

    from deployments.interface import Interface
    from deployments.local_stage import LocalStage

GROUP = "scoring.kinds"

# Most gateway replicas that a version's application is prepared for by default.
DEFAULT_CALLERS = 16

# Without hyphens, and never `preprocess`: so no two stages `{model}-{version}` of the gateway's process get one name.
VersionName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_.]{0,62}[a-z0-9])?$")]
ApplicationName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_.-]{0,126}[a-z0-9])?$")]


class VersionSettings(BaseModel):
    """What every version of a model has; a kind adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: VersionName = Field(default="1", description="Names the version in requests and responses.")
    application: ApplicationName | None = Field(
        default=None,
        description="The application of Ray Serve that has the version, with replicas of its own and every other "
        "setting of it. Without, each replica of the gateway has the version in its own process.",
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The service that a version is a part of.

    Attributes:
        is_local: whether it runs on a laptop, where untrained weights will do.
        callers: most replicas that the gateway may have.
        drain_seconds: how long a replica that is to stop may work on what it has accepted.
        logging: Ray Serve's `logging_config`.
    """

    is_local: bool = True
    callers: int = DEFAULT_CALLERS
    drain_seconds: float = 65
    logging: Any = None


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
    def bind(self, name: str, version: Any, surroundings: Surroundings) -> Application:
        """Bind the stages of a version with replicas of its own, and return the first; imports Ray.

        Args:
            name: begins those of its deployments.
            version: its settings.
            surroundings: the service.
        """

    def first_stage(self, name: str) -> str:
        """Return the name of the first stage's deployment, of those that `bind` binds."""
        return name

    @abstractmethod
    def local(self, name: str, version: Any, surroundings: Surroundings) -> LocalStage:
        """Return the first stage of a version that lives in the gateway's process, with those behind it."""

    @abstractmethod
    def calls(self, version: Any) -> CallLimits:
        """Return how the first stage of a version is called."""

    @abstractmethod
    def interface(self) -> Interface:
        """Return how models of this kind are asked; imported where requests are answered."""

    @abstractmethod
    def scalings(self, version: Any) -> Mapping[str, ScalingSettings]:
        """Return the scaling of each stage by its key in the settings, defaults filled in; of an application's."""

    @abstractmethod
    def memory_mb(self, version: Any, gateway_replicas: int) -> int:
        """Return what the smallest number of replicas takes at rest, in MiB.

        Args:
            version: the settings.
            gateway_replicas: each of which has a version without an application.
        """

    @abstractmethod
    def curl(self) -> str:
        """Return what follows the address in a curl command that scores."""

    def hosts(self, version: Mapping[str, Any]) -> Mapping[str, str]:  # noqa: ARG002
        """Return hosts that a replica reaches by HTTPS before it is ready, each with what it fetches there.

        Args:
            version: its settings as they are given, with variables in them; places that they name are left out.
        """
        return {}

    def takes_all_cores(self, version: Any) -> bool:  # noqa: ARG002
        """Whether one replica works with all cores, so that a gateway of several had better not have it."""
        return False

    def wants_gpu(self, version: Any) -> bool:  # noqa: ARG002
        """Whether it would run on a GPU of the cluster that this process is connected to."""
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
