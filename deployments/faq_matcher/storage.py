"""A trained matcher as a directory: JSON for people and programs, NumPy arrays for numbers, no pickles.

manifest.json    format and version, SHA-256 of each other file, calibration, where the model comes from
originals.json   [id, answer id, text] of each original
duplicates.json  [id, answer id, text] of each other wording
answers.json     the best answer to each original, or null
words.npz        hashes, idf (features); starts (features + 1), places, weights (n) of the inverted index
meanings.npz     profiles (originals, dimensions), wordings (wordings, dimensions) as bfloat16, starts (originals + 1);
                 only where a sentence encoder takes part
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from deployments.destinations import staged
from deployments.errors import StartupError
from deployments.faq_matcher.calibration import Calibration
from deployments.faq_matcher.data import Duplicate, Original
from deployments.faq_matcher.evidence import Evidence
from deployments.faq_matcher.features import Features, FeatureSettings
from deployments.faq_matcher.learned import Learned, TrainingFacts
from deployments.faq_matcher.meanings import Meanings
from deployments.faq_matcher.model_checks import check
from deployments.faq_matcher.profiles import Index

# Raised whenever the files, or what features.py makes of a text, change.
FORMAT_VERSION = 2

_MANIFEST = "manifest.json"
_ORIGINALS = "originals.json"
_DUPLICATES = "duplicates.json"
_ANSWERS = "answers.json"
_WORDS = "words.npz"
_MEANINGS = "meanings.npz"
_ALWAYS = {_ORIGINALS, _DUPLICATES, _ANSWERS, _WORDS}

_QUESTIONS_FORM = TypeAdapter(list[tuple[int | str, int | str, str]])
_ANSWERS_FORM = TypeAdapter(tuple[str | None, ...])

Arrays = Mapping[str, NDArray[Any]]
Form = Mapping[str, tuple[str, int]]

# Type and dimensions of the arrays of a file.
_WORDS_FORM: Form = {
    "hashes": ("uint64", 1),
    "idf": ("float32", 1),
    "starts": ("int64", 1),
    "places": ("int32", 1),
    "weights": ("float32", 1),
}
_MEANINGS_FORM: Form = {"profiles": ("uint16", 2), "wordings": ("uint16", 2), "starts": ("int64", 1)}

# What reading a file of arrays raises where it is none.
_UNREADABLE = (ValueError, KeyError, OSError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)


class _Format(BaseModel):
    model_config = ConfigDict(extra="allow")

    format: Literal["ray-scoring-faq"]
    format_version: int


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal["ray-scoring-faq"] = "ray-scoring-faq"
    format_version: int = FORMAT_VERSION
    files: dict[str, str] = Field(description="SHA-256 of each other file.")
    calibration: Calibration = Field(description="How evidence becomes probabilities.")
    training: TrainingFacts = Field(description="Where the model comes from.")


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
    with staged(directory, replace=replace) as new:
        _fill(new, learned)


def read(directory: Path) -> Learned:
    """Reads a model and checks it.

    Raises:
        StartupError: the directory holds no model, or one that is damaged or of another format.
    """
    manifest = _read_manifest(directory)
    contents = {name: _read_checked(directory, name, digest) for name, digest in manifest.files.items()}
    try:
        learned = _assemble(contents, manifest)
        check(learned)
    except _UNREADABLE as error:
        raise _damaged(directory, "its files do not fit together") from error
    return learned


def _fill(directory: Path, learned: Learned) -> None:
    evidence = learned.evidence
    contents = {
        _ORIGINALS: _json([[question.id, question.answer_id, question.text] for question in learned.originals]),
        _DUPLICATES: _json([[question.id, question.answer_id, question.text] for question in learned.duplicates]),
        _ANSWERS: _json(learned.answers),
        _WORDS: _npz(
            hashes=evidence.features.hashes,
            idf=evidence.features.idf,
            starts=evidence.index.starts,
            places=evidence.index.places,
            weights=evidence.index.weights,
        ),
    }
    if (known := evidence.meanings) is not None:
        contents[_MEANINGS] = _npz(profiles=known.profiles, wordings=known.wordings, starts=known.starts)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = _Manifest(files=digests, calibration=learned.calibration, training=learned.facts)
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    (directory / _MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _json(value: object) -> bytes:
    # Lone surrogates, which no file can hold, are no letters: a question mark says as much.
    return json.dumps(value, ensure_ascii=False, indent=0).encode("utf-8", "replace")


def _npz(**arrays: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _read_manifest(directory: Path) -> _Manifest:
    try:
        content = (directory / _MANIFEST).read_bytes()
    except OSError as error:
        raise StartupError(f"{directory} holds no FAQ model: train one with `scoring faq train`.") from error
    try:
        version = _Format.model_validate_json(content).format_version
    except ValidationError as error:
        raise StartupError(f"{directory} holds no FAQ model that this program knows.") from error
    if version != FORMAT_VERSION:
        advice = "upgrade ray-scoring or train the model again" if version > FORMAT_VERSION else "train it again"
        raise StartupError(
            f"The FAQ model in {directory} has format {version}, this program reads {FORMAT_VERSION}: {advice}."
        )
    return _parse_manifest(directory, content)


def _parse_manifest(directory: Path, content: bytes) -> _Manifest:
    try:
        manifest = _Manifest.model_validate_json(content)
    except ValidationError as error:
        raise _damaged(directory, f"{_MANIFEST} is not complete") from error
    wanted = _ALWAYS if manifest.training.encoder is None else _ALWAYS | {_MEANINGS}
    if manifest.files.keys() != wanted:
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


def _assemble(contents: Mapping[str, bytes], manifest: _Manifest) -> Learned:
    originals = tuple(Original(*row) for row in _QUESTIONS_FORM.validate_json(contents[_ORIGINALS]))
    recipe, words = manifest.training.recipe, _arrays(contents[_WORDS], _WORDS_FORM)
    settings = FeatureSettings(recipe.gram_lengths, recipe.head_weight, recipe.head_words)
    return Learned(
        originals=originals,
        duplicates=tuple(Duplicate(*row) for row in _QUESTIONS_FORM.validate_json(contents[_DUPLICATES])),
        answers=_ANSWERS_FORM.validate_json(contents[_ANSWERS]),
        evidence=Evidence(
            Features(words["hashes"], words["idf"], settings),
            Index(words["starts"], words["places"], words["weights"], len(originals)),
            Meanings(**_arrays(contents[_MEANINGS], _MEANINGS_FORM)) if _MEANINGS in contents else None,
        ),
        calibration=manifest.calibration,
        facts=manifest.training,
    )


def _arrays(content: bytes, form: Form) -> Arrays:
    arrays = np.load(io.BytesIO(content), allow_pickle=False)
    if not isinstance(arrays, np.lib.npyio.NpzFile) or set(arrays.files) != form.keys():
        raise ValueError("other arrays are expected")
    with arrays:
        found = {name: np.ascontiguousarray(arrays[name]) for name in form}
    if any(array.dtype != form[name][0] or array.ndim != form[name][1] for name, array in found.items()):
        raise ValueError("arrays of other types are expected")
    return found


def _damaged(directory: Path, why: str) -> StartupError:
    return StartupError(f"The FAQ model in {directory} is damaged ({why}): train it again with `scoring faq train`.")
