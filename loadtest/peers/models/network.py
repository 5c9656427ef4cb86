"""A network in OpenVINO with its preprocessing: the same code in every peer, and the same steps as in ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from PIL import Image

TOP_K = 3
PRECISIONS = {"fp32": "f32", "bf16": "bf16"}

Pixels = NDArray[np.uint8]
Class = tuple[str, float]


class Network:
    """Classifies images; threads may share it.

    Args:
        directory: of `scoring image convert`: model.xml takes (n, side, side, 3) uint8 and gives probabilities.
        threads: that one inference may use, or that streams share.
        streams: inferences at the same time.
        precision: `fp32` or `bf16`.
    """

    def __init__(self, directory: Path | str, *, threads: int, streams: int = 1, precision: str = "fp32") -> None:
        about = json.loads((Path(directory) / "manifest.json").read_text(encoding="utf-8"))["about"]
        self._labels: list[str] = about["labels"]
        self.preset: dict[str, Any] = about["preset"]
        side = self.preset["crop"]
        core = openvino.Core()
        model = core.read_model(Path(directory) / "model.xml")
        model.reshape([-1, side, side, 3])
        settings = {
            "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": PRECISIONS[precision],
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": streams,
            # Each process would pin to the first cores, and several workers would share those.
            "ENABLE_CPU_PINNING": False,
        }
        compiled = core.compile_model(model, "CPU", settings)
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(streams):
            request = compiled.create_infer_request()
            # The first inference of each is its slowest, and not safe beside others.
            request.infer([np.zeros((1, side, side, 3), np.uint8)])
            self._idle.put(request)

    def prepare(self, content: bytes) -> Pixels:
        """Decode, resize and crop as torchvision's classification preset.

        Args:
            content: of an image file.

        Returns:
            (side, side, 3) uint8, RGB.
        """
        return prepare(content, self.preset)

    def classify(self, images: Sequence[Pixels], top_k: int = TOP_K) -> list[list[Class]]:
        """Return for each image the most probable classes: label, probability; best first."""
        request = self._idle.get()
        try:
            rows = request.infer([np.stack(images)], share_inputs=True, share_outputs=True)[0].copy()
        finally:
            self._idle.put(request)
        return [self._best(row, top_k) for row in rows]

    def _best(self, row: NDArray[np.float32], top_k: int) -> list[Class]:
        places = np.argsort(-row, kind="stable")[:top_k]
        return [(self._labels[place], float(row[place])) for place in places.tolist()]


def prepare(content: bytes, preset: dict[str, Any]) -> Pixels:
    """Decode an image file, resize its shorter side, cut the square from the centre.

    Args:
        content: of the file.
        preset: `resize` and `crop` in pixels, `interpolation` by Pillow's name.

    Returns:
        (crop, crop, 3) uint8, RGB.
    """
    image = Image.open(BytesIO(content))
    # In one piece: with its usual 64 KB the decoder takes its slower path at the end of each.
    image.decodermaxblock = len(content)
    rgb = image.convert("RGB")
    shorter, crop = preset["resize"], preset["crop"]
    least = min(rgb.size)
    width, height = (shorter if side == least else shorter * side // least for side in rgb.size)
    left, top = round((width - crop) / 2), round((height - crop) / 2)
    resized = rgb.resize((width, height), Image.Resampling[preset["interpolation"].upper()])
    return np.asarray(resized.crop((left, top, left + crop, top + crop)))
