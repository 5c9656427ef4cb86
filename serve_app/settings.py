"""The service's settings: those of the gateway, and those of every version wherever it lives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from deployments.ingress.routing.settings import TableSettings, not_valid, parse
from deployments.ingress.settings import IngressSettings
from deployments.kinds import DEFAULT_CALLERS, ApplicationName, Surroundings, find_kind
from deployments.setting_errors import explain
from deployments.telemetry.settings import LoggingSettings
from deployments.variables import expand

ModelT = TypeVar("ModelT", bound=BaseModel)

Profile = Annotated[
    Literal["local", "production"],
    Field(description="local: for a laptop; may start with untrained weights, and says so. production: never."),
]

# A draining replica finishes the longest request that the ingress lets through, and a little more.
DRAIN_MARGIN_SECONDS = 5


class ServiceSettings(TableSettings):
    """Everything that can be set; a service without any settings has both models."""

    profile: Profile = "local"
    ingress: IngressSettings = Field(default=IngressSettings(), description="Limits and replicas of the gateway.")

    def ingress_settings(self) -> IngressSettings:
        """Return the gateway's settings with what depends on the profile: only a local service needs no keys."""
        access = self.ingress.access
        if access.required is None:
            access = access.model_copy(update={"required": self.profile != "local"})
        return self.ingress.model_copy(update={"access": access})

    @property
    def drain_seconds(self) -> float:
        """How long a replica that is to stop may work on what it has accepted."""
        return self.ingress.request_timeout_seconds + DRAIN_MARGIN_SECONDS

    @property
    def surroundings(self) -> Surroundings:
        """What kinds need to know of the service for versions in the gateway's process."""
        return Surroundings(
            is_local=self.profile == "local",
            callers=self.ingress.scaling.max_replicas,
            drain_seconds=self.drain_seconds,
            logging=self.ingress.logging.for_ray(),
        )

    @property
    def gateway_takes_all_cores(self) -> bool:
        """Whether a replica of the gateway has a version in its process that works with all cores."""
        return any(
            version.application is None and find_kind(model.kind).takes_all_cores(version)
            for model, version in self.versions
        )

    @model_validator(mode="after")
    def _quotas_fit(self) -> ServiceSettings:
        if wrong := list(self.ingress.quotas.problems([model.name for model in self.models])):
            raise ValueError("; ".join(wrong))
        return self


class GatewaySettings(BaseModel):
    """The `args` of the gateway's application; the models stand in the `user_config` of its deployment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: Profile = "local"
    ingress: IngressSettings = Field(default=IngressSettings(), description="Limits and replicas of the gateway.")


class VersionApplication(BaseModel):
    """What the `args` of every version's application have; its kind adds the rest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    name: ApplicationName = Field(description="The application's own name, which begins those of its deployments.")
    profile: Profile = "local"
    callers: int = Field(default=DEFAULT_CALLERS, ge=1, description="Most replicas that the gateway may have.")
    request_timeout_seconds: float = Field(
        default=60, gt=0, description="How long the gateway lets a request take: how long a replica drains."
    )
    logging: LoggingSettings = Field(default=LoggingSettings(), description="What its replicas write down.")

    @property
    def surroundings(self) -> Surroundings:
        """What its kind needs to know of the service."""
        return Surroundings(
            is_local=self.profile == "local",
            callers=self.callers,
            drain_seconds=self.request_timeout_seconds + DRAIN_MARGIN_SECONDS,
            logging=self.logging.for_ray(),
        )


def split(args: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the `args` of a version's application in two: what every one has, and what its kind adds."""
    common = {name: value for name, value in args.items() if name in VersionApplication.model_fields}
    return common, {name: value for name, value in args.items() if name not in common}


def parse_application(
    args: Mapping[str, Any], environment: Mapping[str, str], where: str = ""
) -> tuple[VersionApplication, Any]:
    """Read the `args` of a version's application.

    Args:
        args: as they stand in the config file.
        environment: variables that they may name.
        where: begins the keys in an error.

    Returns:
        What every application of a version has, and the version's settings.

    Raises:
        StartupError: names every key that is wrong, and the values that it may have.
    """
    expanded, wrong = expand(dict(args), environment)
    common, rest = split(expanded)
    application = _checked(VersionApplication, common, wrong)
    version = None
    if application is not None:
        version = _checked(find_kind(application.kind).settings, {"application": application.name, **rest}, wrong)
    if application is None or version is None or wrong:
        raise not_valid({f"{where}{key}": why for key, why in wrong.items()})
    return application, version


def _checked(settings: type[ModelT], given: Any, wrong: dict[str, str]) -> ModelT | None:
    try:
        return settings.model_validate(given)
    except ValidationError as error:
        # A text whose variable is not set may be wrong only for that.
        wrong.update({key: why for key, why in explain(error, settings).items() if key not in wrong})
        return None


def parse_settings(args: dict[str, Any], environment: Mapping[str, str]) -> ServiceSettings:
    """Read the settings of a whole service, with `${NAME}` in any text replaced by the environment variable.

    Raises:
        StartupError: names every key that is wrong, and the values that it may have.
    """
    return parse(args, environment, ServiceSettings)
