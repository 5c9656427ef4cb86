"""The table of models as settings: what stands in the `user_config` of the gateway's deployment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, field_validator, model_validator

from deployments.errors import StartupError
from deployments.kinds import Kind, VersionName, VersionSettings, find_kind, kinds
from deployments.setting_errors import explain
from deployments.variables import expand

# A name stands in routes and in names of deployments.
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_.-]{0,62}[a-z0-9])?$")]

RESERVED_VERSION_NAMES = frozenset({"preprocess"})

# First path segments that the ingress keeps for itself.
RESERVED_NAMES = frozenset({"docs", "score", "swagger.json", "v2", "version", "api", "metrics"})

# What a version that lives in an application has in the table itself.
REFERENCE = frozenset({"name", "application"})


class ModelSettings(BaseModel):
    """A model of any kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    name: Name
    default: VersionName | None = Field(
        default=None, description="The version that answers requests which name none; the first if left out."
    )
    versions: list[Any]

    @property
    def default_version(self) -> str:
        """Name of the version that answers requests which name none."""
        return self.default or str(self.versions[0].name)


def _model_of(kind: Kind) -> type[ModelSettings]:
    """Return the class of the settings of a kind's models."""
    versions = Field(default=[kind.settings()], min_length=1, description="Its versions.")
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


class TableSettings(BaseModel):
    """The models of the service; settings without any serve one of each kind that is a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: list[Model] = Field(
        default=[MODELS[name].model_validate({"kind": name}) for name, kind in kinds().items() if kind.is_default],
        min_length=1,
        description="The models to serve.",
    )
    default_models: dict[str, str] = Field(
        default={},
        description="Which model answers `POST /score`, by what a request's body holds, as in {text: faq}; else the "
        "first that takes it.",
    )

    @property
    def versions(self) -> Iterator[tuple[ModelSettings, Any]]:
        """Every version with its model."""
        return ((model, version) for model in self.models for version in model.versions)

    @field_validator("models")
    @classmethod
    def _names_are_free(cls, models: list[ModelSettings]) -> list[ModelSettings]:
        names = [model.name for model in models]
        wrong = [f"the name '{name}' is reserved; choose another" for name in names if name in RESERVED_NAMES]
        wrong += [f"the name '{name}' occurs twice" for name in repeated(names)]
        for model in models:
            versions = [version.name for version in model.versions]
            wrong += [f"'{model.name}' has two versions of the name '{name}'" for name in repeated(versions)]
            wrong += [f"no version may be named '{name}'" for name in versions if name in RESERVED_VERSION_NAMES]
            if model.default not in {None, *versions}:
                wrong.append(f"'{model.name}' has no version '{model.default}' to be its default")
        applications = [version.application for model in models for version in model.versions if version.application]
        wrong += [f"two versions name the application '{name}'" for name in repeated(applications)]
        if wrong:
            raise ValueError("; ".join(wrong))
        return models

    @model_validator(mode="after")
    def _defaults_fit(self) -> TableSettings:
        wrong = []
        for takes, name in self.default_models.items():
            fitting = [model.name for model in self.models if find_kind(model.kind).takes == takes]
            if name not in fitting:
                known = f"there are {', '.join(fitting)}" if fitting else "there is none"
                wrong.append(f"default_models names '{name}' for {takes}; of models that take {takes} {known}")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


SettingsT = TypeVar("SettingsT", bound=BaseModel)


def parse(given: Any, environment: Mapping[str, str], settings: type[SettingsT]) -> SettingsT:
    """Read settings, with `${NAME}` in any text replaced by the environment variable of that name.

    Raises:
        StartupError: names every key that is wrong, and the values that it may have.
    """
    expanded, missing = expand(given, environment)
    wrong: dict[str, str] = {}
    parsed: SettingsT | None = None
    try:
        parsed = settings.model_validate(expanded)
    except ValidationError as error:
        wrong = explain(error, settings)
    # A text whose variable is not set may be wrong only for that.
    wrong = {**wrong, **missing}
    if wrong or parsed is None:
        raise not_valid(wrong)
    return parsed


def not_valid(wrong: Mapping[str, str]) -> StartupError:
    """Return an error that names every key that is wrong, and why."""
    return StartupError("\n".join(["The settings are not valid:", *(f"  {key}: {why}" for key, why in wrong.items())]))


def parse_table(user_config: Any, environment: Mapping[str, str]) -> TableSettings:
    """Read the table as the gateway has it, where a version in an application is only referred to.

    Raises:
        StartupError: it is not valid.
    """
    table = parse(user_config, environment, TableSettings)
    if wrong := problems_of_places(table.versions, referred=True):
        raise not_valid({"models": "; ".join(wrong)})
    return table


def problems_of_places(versions: Iterable[tuple[ModelSettings, VersionSettings]], *, referred: bool) -> list[str]:
    """Say which versions have settings that do not go with where they live.

    Args:
        versions: with their models.
        referred: whether those in an application may have no other settings here.
    """
    wrong = []
    for model, version in versions:
        kind, title = find_kind(model.kind), f"{model.name}/{version.name}"
        given = version.model_fields_set
        if version.application is not None:
            if referred and (more := sorted(given - REFERENCE)):
                wrong.append(f"{title}: {', '.join(more)} belongs to the args of the application")
            continue
        if replicas := sorted(given & set(kind.scalings(version))):
            wrong.append(f"{title}: {', '.join(replicas)} needs an application; here it has the gateway's")
        if kind.gpu_stages(version):
            wrong.append(f"{title}: a GPU needs an application, since the gateway reserves none")
    return wrong


def repeated(names: list[str]) -> list[str]:
    """Return the names that occur more than once."""
    return sorted({name for name in names if names.count(name) > 1})
