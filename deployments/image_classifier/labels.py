"""The names of classes."""

from __future__ import annotations

from pathlib import Path

from deployments.errors import StartupError
from deployments.image_classifier.sources import SourceError, file_name, read_blocks

IMAGENET = Path(__file__).with_name("imagenet_labels.tsv")


def imagenet_labels() -> list[str]:
    """Return `n02127052 lynx, catamount` and 999 more in class order: WordNet id and the synset's names."""
    return [line.replace("\t", " ", 1) for line in IMAGENET.read_text(encoding="utf-8").splitlines()]


def read_labels(uri: str) -> list[str]:
    """Read labels of the user's own, one a line in class order.

    Raises:
        StartupError: the file cannot be read, or a line is empty.
    """
    name = file_name(uri)
    try:
        lines = b"".join(read_blocks(uri)).decode("utf-8-sig").splitlines()
    except SourceError as error:
        raise StartupError(f"The labels file {name} cannot be had: {error}; correct labels_uri.") from None
    except UnicodeDecodeError:
        raise StartupError(f"The labels file {name} is not UTF-8 text with one class a line.") from None
    labels = [line.strip() for line in lines]
    if not labels or not all(labels):
        raise StartupError(f"The labels file {name} must name one class on each line and have no empty line.")
    return labels
