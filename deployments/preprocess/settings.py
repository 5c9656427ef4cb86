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
    scaled_decoding: bool = Field(
        default=True,
        description=(
            "Decode a JPEG at 1/2, 1/4 or 1/8 of its size where enough is left for the model (twice its pixels along "
            "the shorter side, at 1/8 1.35 times): a photo of 12 megapixels in a fraction of the time and memory. Its "
            "pixels then differ from torchvision's by a few tenths of 255 on average, and probabilities by less than "
            "they do when each pixel is changed by 1. Smaller images and other formats equal torchvision's to the "
            "pixel in any case; turn it off where large photos must, too."
        ),
    )
