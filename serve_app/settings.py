"""The application's settings: what stands under `args:` in Ray Serve's config file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, create_model, field_validator

from deployments.errors import StartupError
from deployments.ingress.settings import IngressSettings
from deployments.kinds import Kind, Surroundings, find_kind, kinds
from serve_app.setting_errors import explain

# A name stands in routes and in names of deployments.
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_.-]{0,62}[a-z0-9])?$")]

RESERVED_VERSION_NAMES = frozenset({"preprocess"})

# First path segments that the ingress keeps for itself.
RESERVED_NAMES = frozenset({"docs", "score", "swagger.json", "v2", "version", "api", "metrics"})


# A draining replica finishes the longest request that the ingress lets through, and a little more.
DRAIN_MARGIN_SECONDS = 5


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(_Settings):
    """A model of any kind."""

    kind: str
    name: Name
    versions: list[Any]


def _model_of(kind: Kind) -> type[ModelSettings]:
    """Return the class of the settings of a kind's models."""
    versions = Field(default=[kind.settings()], min_length=1, description="The first is the default.")
    name = Field(default=kind.default_model, description="Names the model in routes: /{name}/score.")
    return create_model(
        f"{type(kind).__name__}Model",
        __base__=ModelSettings,
        __doc__=kind.title,
        kind=(Literal[kind.name], ...),  # type: ignore[arg-type]  # known when it runs
        name=(Name, name),
        versions=(list[kind.settings], versions),  # type: ignore[name-defined]
    )


# The class of each kind's models, by the kind's name.
MODELS: dict[str, type[ModelSettings]] = {name: _model_of(kind) for name, kind in kinds().items()}

if TYPE_CHECKING:
    Model = ModelSettings
else:
    Model = Annotated[Union[tuple(MODELS.values())], Field(discriminator="kind")]  # noqa: UP007 - known when it runs


class ApplicationSettings(_Settings):
    """Everything that can be set; a deployment without any settings serves both models."""

    profile: Literal["local", "production"] = Field(
        default="local",
        description="local: for a laptop; may start with untrained weights, and says so. production: never.",
    )
    ingress: IngressSettings = Field(default=IngressSettings(), description="Limits and replicas of the ingress.")
    models: list[Model] = Field(
        default=[MODELS[name].model_validate({"kind": name}) for name, kind in kinds().items() if kind.is_default],
        min_length=1,
        # So that what the ingress's settings say of models is compared with these too.
        validate_default=True,
        description="The models to serve.",
    )

    def ingress_settings(self) -> IngressSettings:
        """Return the ingress's settings with what depends on the profile: only a local service needs no keys."""
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
        """What kinds need to know of the application to bind a version of theirs."""
        # The ingress is one replica, or may be, since nothing is said of its replicas.
        may_host_all = "scaling" not in self.ingress.model_fields_set or self.ingress.scaling.max_replicas == 1
        return Surroundings(
            is_local=self.profile == "local",
            ingress_replicas=self.ingress.scaling.max_replicas,
            may_host_all=may_host_all,
            drain_seconds=self.drain_seconds,
            logging=self.ingress.logging.for_ray(),
        )

    def with_room_for_hosted(self) -> ApplicationSettings:
        """Return the settings with one replica of the ingress, if it hosts what takes all cores and much memory."""
        versions = [(find_kind(model.kind), version) for model in self.models for version in model.versions]
        if not any(kind.needs_all_cores(version, self.surroundings) for kind, version in versions):
            return self
        scaling = self.ingress.scaling.model_copy(update={"max_replicas": 1})
        return self.model_copy(update={"ingress": self.ingress.model_copy(update={"scaling": scaling})})

    @field_validator("models")
    @classmethod
    def _names_are_free(cls, models: list[ModelSettings], others: ValidationInfo) -> list[ModelSettings]:
        names = [model.name for model in models]
        wrong = [f"the name '{name}' is reserved; choose another" for name in names if name in RESERVED_NAMES]
        wrong += [f"the name '{name}' occurs twice" for name in _repeated(names)]
        for model in models:
            versions = [version.name for version in model.versions]
            wrong += [f"'{model.name}' has two versions of the name '{name}'" for name in _repeated(versions)]
            wrong += [f"no version may be named '{name}'" for name in versions if name in RESERVED_VERSION_NAMES]
        if ingress := others.data.get("ingress"):
            wrong += _wrong_defaults(ingress, models)
            wrong += ingress.quotas.problems(names)
        if wrong:
            raise ValueError("; ".join(wrong))
        return models


def _wrong_defaults(ingress: IngressSettings, models: list[ModelSettings]) -> list[str]:
    wrong = []
    for takes, name in ingress.default_models.items():
        fitting = [model.name for model in models if find_kind(model.kind).takes == takes]
        if name not in fitting:
            known = f"there are {', '.join(fitting)}" if fitting else "there is none"
            wrong.append(f"ingress.default_models names '{name}' for {takes}; of models that take {takes} {known}")
    return wrong


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def parse_settings(args: dict[str, Any], environment: dict[str, str]) -> ApplicationSettings:
    """Read `args`, with `${NAME}` in any text replaced by the environment variable of that name.

    Raises:
        StartupError: names every key that is wrong, and the values that it may have.
    """
    missing: dict[str, str] = {}
    wrong: dict[str, str] = {}
    try:
        settings = ApplicationSettings.model_validate(_expand(args, environment, "", missing))
    except ValidationError as error:
        wrong = explain(error, ApplicationSettings)
    # A text whose variable is not set may be wrong only for that.
    if wrong := {**wrong, **missing}:
        lines = [f"  {key}: {problem}" for key, problem in wrong.items()]
        raise StartupError("\n".join(["The settings are not valid:", *lines]))
    return settings


_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _expand(value: Any, environment: dict[str, str], key: str, missing: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _expand(item, environment, f"{key}.{name}", missing) for name, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, environment, f"{key}.{index}", missing) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    unset = [name for name in _VARIABLE.findall(value) if name not in environment]
    if unset:
        are = "are" if len(unset) > 1 else "is"
        variables = "variables" if len(unset) > 1 else "variable"
        missing[key.removeprefix(".")] = f"the environment {variables} {', '.join(unset)} {are} not set"
        return value
    return _VARIABLE.sub(lambda match: environment[match[1]], value)
