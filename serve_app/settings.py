"""The application's settings: what stands under `args:` in Ray Serve's config file."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from deployments.errors import StartupError
from deployments.faq_matcher.settings import FaqMatcherSettings
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.ingress.settings import IngressSettings
from deployments.preprocess.settings import PreprocessSettings
from deployments.scaling import ScalingSettings, filled_from
from serve_app.setting_errors import explain

# A name stands in routes and in names of deployments.
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_.-]{0,62}[a-z0-9])?$")]

# Without hyphens, and never `preprocess`: so no two stages of a deployment `{model}-{version}` get one name.
VersionName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_.]{0,62}[a-z0-9])?$")]
RESERVED_VERSION_NAMES = frozenset({"preprocess"})

# First path segments that the ingress keeps for itself.
RESERVED_NAMES = frozenset({"docs", "score", "swagger.json", "v2", "version", "api", "metrics"})


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# Of stages with replicas of their own.
FAQ_SCALING = ScalingSettings(max_replicas=2, max_concurrent_requests=64)
PREPROCESS_SCALING = ScalingSettings(max_replicas=2, max_concurrent_requests=32)
CLASSIFIER_SCALING = ScalingSettings()


class FaqVersion(_Settings):
    """One version of an FAQ model."""

    name: VersionName = Field(default="1", description="Names the version in requests and responses.")
    model: FaqMatcherSettings = Field(default=FaqMatcherSettings(), description="Where the model comes from.")
    scaling: Annotated[ScalingSettings | None, filled_from(FAQ_SCALING)] = Field(
        default=None,
        description="Replicas of the FAQ matcher's own. Without, each replica of the ingress has the model, which "
        "spares every request a call to another process.",
    )


class ImageVersion(_Settings):
    """One version of an image model."""

    name: VersionName = Field(default="1", description="Names the version in requests and responses.")
    model: ImageClassifierSettings = Field(
        default=ImageClassifierSettings(), description="Architecture, weights and labels."
    )
    scaling: ScalingSettings | None = Field(
        default=None,
        description="Replicas of the image classifier's own. Without, the ingress has it, if it needs no GPU and the "
        "ingress is one replica; else it has one of its own.",
    )
    preprocess: PreprocessSettings = Field(default=PreprocessSettings(), description="How images are decoded.")
    preprocess_scaling: Annotated[ScalingSettings | None, filled_from(PREPROCESS_SCALING)] = Field(
        default=None,
        description="Replicas of the preprocess stage's own. Without, the replicas of the ingress decode images.",
    )


class FaqModel(_Settings):
    """A model that matches questions with the originals of an FAQ."""

    kind: Literal["faq_matcher"]
    name: Name = Field(default="faq", description="Names the model in routes: /{name}/score.")
    versions: list[FaqVersion] = Field(default=[FaqVersion()], min_length=1, description="The first is the default.")


class ImageModel(_Settings):
    """A model that classifies images."""

    kind: Literal["image_classifier"]
    name: Name = Field(default="image", description="Names the model in routes: /{name}/score.")
    versions: list[ImageVersion] = Field(
        default=[ImageVersion()], min_length=1, description="The first is the default."
    )


# What requests for a model of each kind hold.
TAKES: dict[str, Literal["text", "images"]] = {"faq_matcher": "text", "image_classifier": "images"}

Model = Annotated[FaqModel | ImageModel, Field(discriminator="kind")]


class ApplicationSettings(_Settings):
    """Everything that can be set; a deployment without any settings serves both models."""

    profile: Literal["local", "production"] = Field(
        default="local",
        description="local: for a laptop; may start with untrained weights, and says so. production: never.",
    )
    ingress: IngressSettings = Field(default=IngressSettings(), description="Limits and replicas of the ingress.")
    models: list[Model] = Field(
        default=[FaqModel(kind="faq_matcher"), ImageModel(kind="image_classifier")],
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
    def may_host_classifiers(self) -> bool:
        """Whether the ingress is one replica, or may be, since nothing is said of its replicas."""
        return "scaling" not in self.ingress.model_fields_set or self.ingress.scaling.max_replicas == 1

    def with_one_ingress(self) -> ApplicationSettings:
        """Return the settings with one replica of the ingress: what it hosts takes all cores and much memory."""
        scaling = self.ingress.scaling.model_copy(update={"max_replicas": 1})
        return self.model_copy(update={"ingress": self.ingress.model_copy(update={"scaling": scaling})})

    @field_validator("models")
    @classmethod
    def _names_are_free(cls, models: list[Model], others: ValidationInfo) -> list[Model]:
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


def _wrong_defaults(ingress: IngressSettings, models: list[Model]) -> list[str]:
    wrong = []
    for takes, name in ingress.default_models.items():
        fitting = [model.name for model in models if TAKES[model.kind] == takes]
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
