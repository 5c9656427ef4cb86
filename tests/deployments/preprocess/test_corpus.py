"""Every kind of file that Pillow can write, and every image that Pillow is tested with: pixels or a sentence."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from deployments.contracts import EncodedImage, ImagePreset, PreparedImage
from deployments.errors import InvalidImage
from deployments.preprocess.decoding import FORMATS
from deployments.preprocess.preparation import Preprocessor
from deployments.preprocess.settings import PreprocessSettings

REPOSITORY = Path(__file__).parents[3]
PRESET = ImagePreset(232, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
MODES = [
    "1",
    "L",
    "P",
    "RGB",
    "RGBA",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "F",
    "LA",
    "PA",
    "RGBX",
    "RGBa",
    "La",
    "I;16",
]
MOST_MIB = 500


def written():
    """(format, mode, content) of whatever Pillow writes."""
    Image.init()
    picture = Image.linear_gradient("L").resize((70, 50)).convert("RGB")
    for kind in sorted(Image.SAVE):
        for mode in MODES:
            file = io.BytesIO()
            try:
                image = Image.new("I;16", (70, 50), 40_000) if mode == "I;16" else picture.convert(mode)
                image.save(file, kind)
            except Exception:  # noqa: BLE001, S112 - Pillow does not write this mode so
                continue
            yield kind, mode, file.getvalue()


@pytest.mark.filterwarnings(r"ignore:::PIL\.")
def test_whatever_pillow_writes_is_prepared_or_refused():
    preprocessor = Preprocessor(PreprocessSettings(), PRESET)
    found = {(kind, mode): preprocessor.prepare(EncodedImage(content)).result for kind, mode, content in written()}
    assert {kind for kind, _ in found} >= {*FORMATS, "PPM", "ICO", "TGA", "PDF", "JPEG2000"}
    for (kind, mode), result in found.items():
        assert isinstance(result, PreparedImage | InvalidImage), (kind, mode)
        if kind in FORMATS and mode not in {"I", "F"}:
            assert isinstance(result, PreparedImage), (kind, mode, result)
        if kind not in {*FORMATS, "MPO"}:
            assert isinstance(result, InvalidImage), (kind, mode)


@pytest.mark.integration
def test_pillows_own_test_images_are_prepared_or_refused(tmp_path, pillow_images):
    """None ends the process, hangs or takes more memory than allowed, and the next is answered by the same process.

    The limits of time are the program's.
    """
    good = tmp_path / "good.png"
    Image.new("RGB", (300, 200), "red").save(good)
    files = [path for found in pillow_images for path in (found, good)]
    program = Path(__file__).with_name("prepare_files.py")
    ran = subprocess.run(
        [sys.executable, str(program)],
        input="".join(f"{path}\n" for path in files),
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    results = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(results) == len(files), f"{files[len(results)]} ended the process: {ran.stderr[-2000:]}"
    assert all(result["outcome"] == "prepared" for result in results[1::2])
    assert all(result["outcome"] == "prepared" or result["outcome"].endswith(".") for result in results)
    assert sum(result["outcome"] == "prepared" for result in results[::2]) > len(files) // 4
    assert results[-1]["peak_mib"] < MOST_MIB
