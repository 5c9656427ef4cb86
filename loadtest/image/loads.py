"""What the load generator sends to an image classifier: images, by each protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from loadtest.errors import BenchmarkError
from loadtest.generator.bodies import raw_request
from loadtest.generator.load_kinds import Addressed, KindLoads
from loadtest.generator.plan import Request
from loadtest.image import bodies
from loadtest.payloads import CONTENT_TYPES, TOP_K, Payload, photo_payloads

# Every worker holds all of them.
MOST_BYTES = 256 * 2**20

_Build = Callable[[Addressed], list[Request]]


def _images(path: str, make: Callable[[str, Payload], Request]) -> _Build:
    def build(addressed: Addressed) -> list[Request]:
        if addressed.data is not None:
            check_size(addressed.data)
        named = path.format(model=addressed.model, version=addressed.version)
        return [make(named, image) for image in photo_payloads(addressed.data)]

    return build


def check_size(folder: Path) -> None:
    """Refuse a folder that holds more image bytes than every worker should.

    Raises:
        BenchmarkError: it does.
    """
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.suffix.lower() in CONTENT_TYPES)
    if size > MOST_BYTES:
        raise BenchmarkError(
            f"The images in {folder} have {size >> 20} MiB; every worker holds them, so name a folder with at most "
            f"{MOST_BYTES >> 20} MiB."
        )


LOADS = KindLoads(
    {
        "image": ("an image file to /{model}/score", _images(f"/{{model}}/score?top_k={TOP_K}", raw_request)),
        "image-json": ("an image as base64 in JSON", _images("/{model}/score", bodies.image_json_request)),
        "image-form": ("an image in a form", _images("/{model}/score", bodies.image_form_request)),
        "image-explain": (
            "an image, explained: heavy work",
            _images(f"/{{model}}/score?top_k={TOP_K}&explain=true", raw_request),
        ),
        "image-version": (
            "an image to a version of the model",
            _images(f"/{{model}}/versions/{{version}}/score?top_k={TOP_K}", raw_request),
        ),
        "bare-image": ("an image file to /score", _images(f"/score?top_k={TOP_K}", raw_request)),
        "azureml-image": (
            "an image to Azure Machine Learning's route",
            _images("/api/v1/service/{model}/score", bodies.azure_image_request),
        ),
        "oip-image": (
            "an image by the Open Inference Protocol, in JSON",
            _images("/v2/models/{model}/infer", bodies.inference_image_request),
        ),
        "oip-image-binary": (
            "the same as a binary tensor",
            _images("/v2/models/{model}/infer", bodies.binary_inference_request),
        ),
    },
    soak=("image=3", "image-json=1", "oip-image-binary=1"),
)
