"""The stage's work on one image: decode, resize, crop."""

from __future__ import annotations

import logging
import time

import numpy as np

from deployments.contracts import EncodedImage, ImagePreset, Outcome, PixelImage, PreparedImage
from deployments.errors import InvalidImage
from deployments.preprocess.decoding import decode_scaled
from deployments.preprocess.settings import PreprocessSettings
from deployments.preprocess.transforms import least_shorter_sides, prepare_scaled

logger = logging.getLogger("ray.serve")


class Preprocessor:
    """Prepares images for one model. Threads may share it; the decoders release the interpreter's lock.

    Args:
        settings: the limits.
        preset: what the model wants.
    """

    def __init__(self, settings: PreprocessSettings, preset: ImagePreset) -> None:
        self._settings = settings
        self._preset = preset
        self._least = least_shorter_sides(preset) if settings.scaled_decoding else {}

    def prepare(self, image: EncodedImage | PixelImage) -> Outcome[PreparedImage]:
        """Decode and prepare one image; what a client prepared is only checked.

        Returns:
            The pixels, or InvalidImage; with the seconds that it took as `decode`.
        """
        started = time.perf_counter()
        result = self._checked(image) if isinstance(image, PixelImage) else self._prepared(image)
        return Outcome(result, {"decode": time.perf_counter() - started})

    def _prepared(self, image: EncodedImage) -> PreparedImage | InvalidImage:
        try:
            decoded = decode_scaled(image.content, self._settings.max_image_pixels, self._least)
        except InvalidImage as error:
            return error
        except Exception:
            # Other images travel in the same call; what one file makes of a decoder must not become their error.
            logger.exception("An image could not be decoded.")
            return InvalidImage("The image cannot be decoded.")
        return PreparedImage(prepare_scaled(decoded, self._preset), image.top_k, image.explain)

    def _checked(self, image: PixelImage) -> PreparedImage | InvalidImage:
        side = self._preset.crop
        if (image.height, image.width) != (side, side) or len(image.content) != side * side * 3:
            return InvalidImage(
                f"The model takes pixels of {side} x {side} x 3, not of {image.height} x {image.width} x 3."
            )
        return PreparedImage(np.frombuffer(image.content, np.uint8).reshape(side, side, 3), image.top_k, image.explain)
