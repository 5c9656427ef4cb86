"""Photos in a directory become what a network takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deployments.errors import ScoringError, StartupError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from deployments.contracts import ImagePreset

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}

# Of 150 KB each once they are prepared.
MOST_PHOTOS = 2000


def read_photos(directory: Path, preset: ImagePreset, most: int, option: str) -> tuple[NDArray[np.uint8], list[str]]:
    """Prepare the photos of a directory as the service does.

    Args:
        directory: its image files are read, in the order of their names.
        preset: what the network wants.
        most: files to read at the most.
        option: of the command line, to be named in errors.

    Returns:
        (n, crop, crop, 3) uint8, and the names of the files.

    Raises:
        StartupError: there are none, or one is no image that can be read.
    """
    import numpy as np

    from deployments.contracts import EncodedImage
    from deployments.preprocess.preparation import Preprocessor
    from deployments.preprocess.settings import PreprocessSettings

    files = sorted(path for path in directory.glob("*") if path.suffix.lower() in SUFFIXES)[:most]
    if not files:
        raise StartupError(f"{directory} holds no image files: correct {option}.")
    preprocessor = Preprocessor(PreprocessSettings(), preset)
    pixels = []
    for file in files:
        result = preprocessor.prepare(EncodedImage(file.read_bytes())).result
        if isinstance(result, ScoringError):
            raise StartupError(f"{file} cannot be used: {result.message} Take it out of {option}.")
        pixels.append(result.pixels)
    return np.stack(pixels), [file.name for file in files]
