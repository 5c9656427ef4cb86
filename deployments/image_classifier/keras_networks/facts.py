"""What Keras says of one of its applications, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass

from deployments.contracts import ImagePreset


@dataclass(frozen=True, slots=True)
class Known:
    """A network of `keras.applications`.

    Attributes:
        url: where ImageNet's weights are.
        digest: of that file, in hex: MD5, SHA-256, or empty.
        preset: the side of its images and how pixels are normalized; resizing is the caller's.
    """

    url: str
    digest: str
    preset: ImagePreset
