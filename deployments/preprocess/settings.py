"""What a user may set about the preparation of images."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class PreprocessSettings(BaseModel):
    """How images are decoded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_image_pixels: int = Field(
        default=64_000_000,
        ge=1,
        description="Pixels (width x height) of an image at the most; decoding takes 4 bytes or more for each.",
    )
    decode_threads: int = Field(default=2, ge=1, description="Images that one replica decodes at the same time.")
