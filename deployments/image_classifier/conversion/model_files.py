"""A converted model as a directory that a replica needs nothing beside of.

manifest.json             what the model is, how images are prepared, its labels, SHA-256 of each other file
model.xml, model.bin      the network for OpenVINO
model.onnx                or for ONNX Runtime
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deployments.contracts import ImagePreset, Weights
from deployments.errors import StartupError
from deployments.image_classifier.cache import sha256_of
from deployments.image_classifier.engines.engine import Facts, Kind

# Raised whenever the files, or what the network takes and gives, change.
FORMAT_VERSION = 1

MANIFEST = "manifest.json"
FILES: dict[Kind, tuple[str, ...]] = {"openvino": ("model.xml", "model.bin"), "onnx": ("model.onnx",)}


class About(BaseModel):
    """What a model is, whatever runs it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = Field(description="Which library's files these are.")
    precision: Literal["fp32", "int8"] = Field(description="Of the weights in the files.")
    weights: Weights = Field(description="Whether they come from training.")
    preset: ImagePreset = Field(description="How images are prepared.")
    labels: tuple[str, ...] = Field(description="One for each class.")
    facts: Facts = Field(description="For people: architecture, weights, source, SHA-256 of the state dict.")
    versions: dict[str, str] = Field(description="Of the libraries that converted it.")


class _Format(BaseModel):
    model_config = ConfigDict(extra="allow")

    format: Literal["ray-scoring-image"]
    format_version: int


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal["ray-scoring-image"] = "ray-scoring-image"
    format_version: int = FORMAT_VERSION
    files: dict[str, str]
    about: About


@dataclass(frozen=True, slots=True)
class ConvertedModel:
    """A converted model on this machine, checked.

    Attributes:
        directory: where its files are.
        about: what it is.
    """

    directory: Path
    about: About

    @property
    def network(self) -> Path:
        """The file that an engine opens."""
        return self.directory / FILES[self.about.kind][0]

    @property
    def size(self) -> int:
        """Bytes of all files of the network."""
        return sum((self.directory / name).stat().st_size for name in FILES[self.about.kind])


def seal(directory: Path, about: About) -> ConvertedModel:
    """Write the manifest of a directory that holds the network's files.

    Raises:
        OSError: the files are not there, or the directory cannot be written.
    """
    files = {name: sha256_of(directory / name) for name in FILES[about.kind]}
    text = _Manifest(files=files, about=about).model_dump_json(indent=1)
    (directory / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return ConvertedModel(directory, about)


def is_model(directory: Path) -> bool:
    """Whether a directory holds a converted model, of whatever version and in whatever state."""
    try:
        _Format.model_validate_json((directory / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return False
    return True


def kind_of(directory: Path) -> Kind | None:
    """Tell which library's files a directory holds, unchecked; None where no model can be read."""
    try:
        return _read_manifest(directory).about.kind
    except StartupError:
        return None


def read(directory: Path) -> ConvertedModel:
    """Read a model and check its files.

    Raises:
        StartupError: the directory holds no model, or one that is damaged or of another format.
    """
    manifest = _read_manifest(directory)
    for name, digest in manifest.files.items():
        try:
            found = sha256_of(directory / name)
        except OSError:
            raise _damaged(directory, f"{name} cannot be read") from None
        if found != digest:
            raise _damaged(directory, f"{name} is not the file that was saved")
    return ConvertedModel(directory, manifest.about)


def _read_manifest(directory: Path) -> _Manifest:
    try:
        content = (directory / MANIFEST).read_bytes()
        version = _Format.model_validate_json(content).format_version
    except (OSError, ValidationError):
        raise StartupError(
            f"{directory} holds no converted image model: make one with `scoring image convert`."
        ) from None
    if version != FORMAT_VERSION:
        raise StartupError(
            f"The image model in {directory} has format {version}, this program reads {FORMAT_VERSION}: "
            "convert it again with `scoring image convert`."
        )
    try:
        manifest = _Manifest.model_validate_json(content)
    except ValidationError:
        raise _damaged(directory, f"{MANIFEST} is not complete") from None
    if manifest.files.keys() != set(FILES[manifest.about.kind]):
        raise _damaged(directory, f"{MANIFEST} does not name the files of a model")
    return manifest


def _damaged(directory: Path, why: str) -> StartupError:
    return StartupError(
        f"The image model in {directory} is damaged ({why}): convert it again with `scoring image convert`."
    )
