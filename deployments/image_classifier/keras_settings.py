"""What a user may set about a network of Keras."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from deployments.contracts import ImagePreset

Channel = tuple[float, float, float]
NormalizationName = Literal["caffe", "tf", "torch", "unit", "none"]


class Normalization(BaseModel):
    """How a network wants its pixels, in the order in which it takes the channels."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mean: Channel = Field(description="Subtracted from each channel after scaling to 0..1.")
    std: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = Field(
        description="Divides each channel after that."
    )
    channels: Literal["RGB", "BGR"] = Field(default="RGB", description="The order in which it takes them.")


# As the modes of `keras.applications.imagenet_utils.preprocess_input`; `none` leaves 0..255, `unit` makes 0..1 of it.
NORMALIZATIONS: dict[NormalizationName, Normalization] = {
    "caffe": Normalization(
        mean=(103.939 / 255, 116.779 / 255, 123.68 / 255), std=(1 / 255, 1 / 255, 1 / 255), channels="BGR"
    ),
    "tf": Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    "torch": Normalization(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    "unit": Normalization(mean=(0, 0, 0), std=(1, 1, 1)),
    "none": Normalization(mean=(0, 0, 0), std=(1 / 255, 1 / 255, 1 / 255)),
}

# Of the shorter side after resizing to the crop: 256 for 224.
RESIZE = 8 / 7
CROP = 224


class KerasNetwork(BaseModel):
    """A network of Keras: a file of one's own, or an application of `keras.applications` by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uri: str | None = Field(
        default=None,
        description="A `.keras` file by path or file, http(s), s3 or abfs URI, or a SavedModel directory by path; with "
        "application: its weights as `.h5`, `.weights.h5` or `.keras` in place of the download.",
    )
    application: str | None = Field(
        default=None, description="A network of keras.applications by name, as in ResNet152, with ImageNet's weights."
    )
    sha256: str | None = Field(
        default=None,
        pattern="^[0-9a-fA-F]{64}$",
        description="SHA-256 that the file must have, in hex; of a directory, that of the lines of "
        "`find -type f | LC_ALL=C sort | xargs sha256sum` in it.",
    )
    outputs: Literal["probabilities", "logits"] = Field(
        default="probabilities", description="What the network gives; logits become probabilities by softmax."
    )
    normalization: NormalizationName | Normalization | None = Field(
        default=None,
        description="How it wants its pixels: a mode of Keras's preprocess_input (caffe, tf, torch), unit (0..1), none "
        "(0..255, layers of its own do it), or mean, std and channels; none given: as the application's.",
    )
    crop: int | None = Field(
        default=None, ge=1, description="Side of the images it takes, in pixels; none: the application's own, or 224."
    )
    resize: int | None = Field(
        default=None, ge=1, description="Shorter side before the crop, in pixels; none: 8/7 of the crop."
    )
    interpolation: Literal["nearest", "bilinear", "bicubic"] = Field(
        default="bilinear", description="Filter that images are resized with."
    )

    @model_validator(mode="after")
    def _complete(self) -> KerasNetwork:
        if self.application is None and self.uri is None:
            raise ValueError("must name a file with uri, or a network of keras.applications with application")
        if self.application is None and self.normalization is None:
            raise ValueError("must say how the network wants its pixels with normalization")
        if self.uri is None and self.sha256 is not None:
            raise ValueError("sha256 is that of the file: name it with uri")
        if self.crop is not None and self.resize is not None and self.resize < self.crop:
            raise ValueError(f"resize must be at least crop, which is {self.crop}")
        return self

    def preset(self, known: ImagePreset | None) -> ImagePreset:
        """Return how images are prepared.

        Args:
            known: what Keras knows of the application; None for files.
        """
        crop = self.crop or (known.crop if known else CROP)
        resize = max(self.resize or round(crop * RESIZE), crop)
        if self.normalization is None:
            assert known is not None  # noqa: S101 - else it is asked for
            return ImagePreset(resize, crop, self.interpolation, known.mean, known.std, known.channels)
        given = NORMALIZATIONS[self.normalization] if isinstance(self.normalization, str) else self.normalization
        return ImagePreset(resize, crop, self.interpolation, given.mean, given.std, given.channels)
