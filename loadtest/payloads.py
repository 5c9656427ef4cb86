"""What benchmarks send: questions and photos, the user's own or ours."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path

from loadtest.errors import BenchmarkError

CONTENT_TYPES = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif",
    ".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff",
}  # fmt: skip

# As clients usually ask: the best few, not all.
TOP_K = 3

# The mean size of ImageNet's photos; at this quality the generated one takes about as many bytes, too.
PHOTO_SIZE = (500, 375)
PHOTO_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Payload:
    """One request's body.

    Attributes:
        content: its bytes.
        content_type: its media type.
    """

    content: bytes
    content_type: str


def question_payloads(file: Path | None) -> list[Payload]:
    """Return questions, as `POST /faq/score` takes them.

    Args:
        file: TSV with the column Text0, or a text file with one question a line; none for our own.

    Raises:
        BenchmarkError: the file cannot be read or holds no questions.
    """
    bodies = [json.dumps({"input": text, "top_k": TOP_K}, ensure_ascii=False) for text in _texts(file)]
    return [Payload(body.encode(), "application/json") for body in bodies]


def photo_payloads(directory: Path | None) -> list[Payload]:
    """Return photos, as `POST /image/score` takes them.

    Args:
        directory: holds image files, here or deeper; none for a generated photo.

    Raises:
        BenchmarkError: the directory cannot be read or holds no image files.
    """
    if directory is None:
        return [Payload(generated_photo(), "image/jpeg")]
    try:
        found = sorted(path for path in directory.rglob("*") if path.suffix.lower() in CONTENT_TYPES)
        photos = [Payload(path.read_bytes(), CONTENT_TYPES[path.suffix.lower()]) for path in found]
    except OSError as error:
        raise BenchmarkError(f"The photos in {directory} cannot be read: {error.strerror}.") from None
    if not photos:
        raise BenchmarkError(f"{directory} holds no image files.")
    return photos


def written(payloads: Sequence[Payload], directory: Path) -> list[str]:
    """Write bodies as files of a directory, and return their paths in the same order."""
    paths = [directory / f"{number}.body" for number in range(len(payloads))]
    for path, payload in zip(paths, payloads, strict=True):
        path.write_bytes(payload.content)
    return [str(path) for path in paths]


def generated_photo() -> bytes:
    """Return a JPEG of 500 x 375 pixels with the smooth areas, edges and noise of a photo; always the same one."""
    from PIL import Image  # noqa: PLC0415 - only those who measure images need Pillow

    chance = random.Random(1)
    layers = [((5, 4), 0.0), ((40, 30), 0.35), (PHOTO_SIZE, 0.08)]
    photo = Image.new("RGB", PHOTO_SIZE)
    for index, (size, share) in enumerate(layers):
        grain = Image.frombytes("RGB", size, chance.randbytes(size[0] * size[1] * 3))
        layer = grain.resize(PHOTO_SIZE, Image.Resampling.BICUBIC)
        photo = Image.blend(photo, layer, share) if index else layer
    buffer = BytesIO()
    photo.save(buffer, "JPEG", quality=PHOTO_QUALITY)
    return buffer.getvalue()


def _texts(file: Path | None) -> list[str]:
    source = files("loadtest") / "questions.txt" if file is None else file
    name = "The list of questions" if file is None else str(file)
    try:
        lines = source.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise BenchmarkError(f"{name} cannot be read as text.") from None
    if file is not None and file.suffix.lower() == ".tsv":
        lines = [row.get("Text0") or "" for row in csv.DictReader(lines, delimiter="\t")]
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise BenchmarkError(f"{name} holds no questions; a TSV needs the column Text0.")
    return texts
