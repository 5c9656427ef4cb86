"""The application's settings: what stands under `args:` in Ray Serve's config file."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from deployments.errors import StartupError
from deployments.faq_matcher.settings import FaqMatcherSettings
from deployments.image_classifier.settings import ImageClassifierSettings
from deployments.ingress.settings import IngressSettings
from deployments.preprocess.settings import PreprocessSettings
from deployments.scaling import ScalingSettings
from serve_app.setting_errors import explain

# A name stands in routes and in names of deployments.
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9_.-]{0,62}[a-z0-9])?$")]

# First path segments that the ingress keeps for itself.
RESERVED_NAMES = frozenset({"docs", "swagger.json", "v2", "version", "api", "metrics"})


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FaqVersion(_Settings):
    """One version of an FAQ model."""

    name: Name = Field(default="1", description="Names the version in requests and responses.")
    model: FaqMatcherSettings = Field(default=FaqMatcherSettings(), description="Where the model comes from.")
    scaling: ScalingSettings = Field(
        default=ScalingSettings(max_replicas=2, max_concurrent_requests=64), description="Replicas of the FAQ matcher."
    )


class ImageVersion(_Settings):
    """One version of an image model."""

    name: Name = Field(default="1", description="Names the version in requests and responses.")
    model: ImageClassifierSettings = Field(
        default=ImageClassifierSettings(), description="Architecture, weights and labels."
    )
    scaling: ScalingSettings = Field(default=ScalingSettings(), description="Replicas of the image classifier.")
    preprocess: PreprocessSettings = Field(default=PreprocessSettings(), description="How images are decoded.")
    preprocess_scaling: ScalingSettings = Field(
        default=ScalingSettings(max_replicas=2, max_concurrent_requests=32),
        description="Replicas of the preprocess stage.",
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
        description="The models to serve.",
    )

    @model_validator(mode="after")
    def _names_are_free(self) -> ApplicationSettings:
        names = [model.name for model in self.models]
        for name in names:
            if name in RESERVED_NAMES:
                raise ValueError(f"models: the name '{name}' is reserved; choose another")
            if names.count(name) > 1:
                raise ValueError(f"models: the name '{name}' occurs twice")
        for model in self.models:
            versions = [version.name for version in model.versions]
            if len(set(versions)) < len(versions):
                raise ValueError(f"models: '{model.name}' has two versions of the same name")
        return self


def parse_settings(args: dict[str, Any], environment: dict[str, str]) -> ApplicationSettings:
    """Read `args`, with `${NAME}` in any text replaced by the environment variable of that name.

    Raises:
        StartupError: names every key that is wrong, and the values that it may have.
    """
    missing: list[str] = []
    expanded = _expand(args, environment, "", missing)
    if missing:
        raise StartupError(f"The settings are not valid:\n{chr(10).join(missing)}")
    try:
        return ApplicationSettings.model_validate(expanded)
    except ValidationError as error:
        raise StartupError(f"The settings are not valid:\n{explain(error, ApplicationSettings)}") from None


_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _expand(value: Any, environment: dict[str, str], key: str, missing: list[str]) -> Any:
    if isinstance(value, dict):
        return {name: _expand(item, environment, f"{key}.{name}", missing) for name, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, environment, f"{key}.{index}", missing) for index, item in enumerate(value)]
    if isinstance(value, str):
        missing.extend(
            f"  {key.removeprefix('.')}: the environment variable {name} is not set"
            for name in _VARIABLE.findall(value)
            if name not in environment
        )
        return _VARIABLE.sub(lambda match: environment.get(match[1], ""), value)
    return value
