"""A trained matcher as a directory: JSON for people and programs, NumPy arrays for weights, no pickles.

manifest.json    format and version, SHA-256 of each other file, where the model comes from
originals.json   [id, answer id, text] of each original
vocabulary.json  features in the order of their columns
weights.npz      idf (features), weights (features, originals), bias (originals); float32
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from deployments.errors import StartupError
from deployments.faq_matcher.data import Original
from deployments.faq_matcher.learned import Learned, TrainingFacts

# Raised whenever the files, or what features.py makes of a text, change.
FORMAT_VERSION = 1

_MANIFEST = "manifest.json"
_ORIGINALS = "originals.json"
_VOCABULARY = "vocabulary.json"
_WEIGHTS = "weights.npz"

_ORIGINALS_FORM = TypeAdapter(list[tuple[int | str, int | str, str]])
_VOCABULARY_FORM = TypeAdapter(tuple[str, ...])


class _Format(BaseModel):
    model_config = ConfigDict(extra="allow")

    format: Literal["ray-scoring-faq"]
    format_version: int


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal["ray-scoring-faq"] = "ray-scoring-faq"
    format_version: int = FORMAT_VERSION
    files: dict[str, str]
    training: TrainingFacts


def is_model(directory: Path) -> bool:
    """Whether a directory holds a saved matcher, of whatever version and in whatever state."""
    try:
        _Format.model_validate_json((directory / _MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return False
    return True


def write(directory: Path, learned: Learned, *, replace: bool = False) -> None:
    """Writes a model whole or not at all.

    Args:
        directory: where to; new or empty unless `replace`.
        learned: the model.
        replace: take the place of what is there.

    Raises:
        FileExistsError: the directory holds something, and `replace` is not set.
        OSError: it cannot be written.
    """
    directory = directory.absolute()
    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = _sibling(directory)
    try:
        _fill(staging, learned)
        _put(staging, directory, replace=replace)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def read(directory: Path) -> Learned:
    """Reads a model and checks it.

    Raises:
        StartupError: the directory holds no model, or one that is damaged or of a newer format.
    """
    manifest = _read_manifest(directory)
    contents = {name: _read_checked(directory, name, digest) for name, digest in manifest.files.items()}
    try:
        learned = _assemble(contents, manifest.training)
        _check_shapes(learned)
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise _damaged(directory, "its files do not fit together") from error
    return learned


def _sibling(directory: Path) -> Path:
    # In the same file system, where renaming is atomic.
    return directory.parent / f".{directory.name}.{uuid.uuid4().hex}"


def _fill(directory: Path, learned: Learned) -> None:
    contents = {
        _ORIGINALS: _json([[original.id, original.answer_id, original.text] for original in learned.originals]),
        _VOCABULARY: _json(learned.vocabulary),
        _WEIGHTS: _npz(learned),
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = _Manifest(files=digests, training=learned.facts)
    directory.mkdir()
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    (directory / _MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=0).encode()


def _npz(learned: Learned) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, idf=learned.idf, weights=learned.weights, bias=learned.bias)
    return buffer.getvalue()


def _put(staging: Path, directory: Path, *, replace: bool) -> None:
    if directory.is_dir() and any(directory.iterdir()):
        if not replace:
            raise FileExistsError(f"{directory} is not empty")
        old = _sibling(directory)
        directory.rename(old)
        staging.rename(directory)
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.rename(directory)


def _read_manifest(directory: Path) -> _Manifest:
    try:
        content = (directory / _MANIFEST).read_bytes()
    except OSError as error:
        raise StartupError(f"{directory} holds no FAQ model: train one with `scoring faq train`.") from error
    try:
        version = _Format.model_validate_json(content).format_version
    except ValidationError as error:
        raise StartupError(f"{directory} holds no FAQ model that this program knows.") from error
    if version > FORMAT_VERSION:
        raise StartupError(
            f"The FAQ model in {directory} has format {version}, this program reads up to {FORMAT_VERSION}: "
            "upgrade ray-scoring or train the model again."
        )
    return _parse_manifest(directory, content)


def _parse_manifest(directory: Path, content: bytes) -> _Manifest:
    try:
        manifest = _Manifest.model_validate_json(content)
    except ValidationError as error:
        raise _damaged(directory, f"{_MANIFEST} is not complete") from error
    if manifest.files.keys() != {_ORIGINALS, _VOCABULARY, _WEIGHTS}:
        raise _damaged(directory, f"{_MANIFEST} does not name the files of a model")
    return manifest


def _read_checked(directory: Path, name: str, digest: str) -> bytes:
    try:
        content = (directory / name).read_bytes()
    except OSError as error:
        raise _damaged(directory, f"{name} cannot be read") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise _damaged(directory, f"{name} is not the file that was saved")
    return content


def _assemble(contents: Mapping[str, bytes], facts: TrainingFacts) -> Learned:
    with np.load(io.BytesIO(contents[_WEIGHTS]), allow_pickle=False) as arrays:
        return Learned(
            originals=tuple(Original(*row) for row in _ORIGINALS_FORM.validate_json(contents[_ORIGINALS])),
            vocabulary=_VOCABULARY_FORM.validate_json(contents[_VOCABULARY]),
            idf=arrays["idf"],
            weights=np.ascontiguousarray(arrays["weights"]),
            bias=arrays["bias"],
            facts=facts,
        )


def _check_shapes(learned: Learned) -> None:
    features, originals = len(learned.vocabulary), len(learned.originals)
    expected = ((learned.idf, (features,)), (learned.weights, (features, originals)), (learned.bias, (originals,)))
    for array, shape in expected:
        if array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError(f"expected {shape} float32, got {array.shape} {array.dtype}")


def _damaged(directory: Path, why: str) -> StartupError:
    return StartupError(f"The FAQ model in {directory} is damaged ({why}): train it again with `scoring faq train`.")
