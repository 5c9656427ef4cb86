"""What is sent: a mix of requests for the service's routes, with the user's own questions and images."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from loadtest.errors import BenchmarkError
from loadtest.generator import bodies
from loadtest.generator.bad_requests import bad_requests
from loadtest.generator.plan import Request, Scenario
from loadtest.payloads import CONTENT_TYPES, TOP_K, Payload, photo_payloads, question_payloads

# Every worker holds all of them.
MOST_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Sources:
    """Where questions and images come from, and what the models are called.

    Attributes:
        questions: file with the user's questions; None for ours.
        photos: folder with the user's images; None for a generated one.
        faq: name of the FAQ model.
        image: name of the image model.
        version: of both, for the routes that name one.
    """

    questions: Path | None = None
    photos: Path | None = None
    faq: str = "faq"
    image: str = "image"
    version: str = "1"

    @cached_property
    def texts(self) -> list[str]:
        """The questions."""
        return [json.loads(payload.content)["input"] for payload in question_payloads(self.questions)]

    @cached_property
    def images(self) -> list[Payload]:
        """The images."""
        if self.photos is not None:
            check_size(self.photos)
        return photo_payloads(self.photos)


_Build = Callable[[Sources], list[Request]]


def _faq(path: str, **more: object) -> _Build:
    return lambda sources: [
        bodies.json_request(path.format(faq=sources.faq, version=sources.version), {"input": text, **more})
        for text in sources.texts
    ]


def _images(path: str, make: Callable[[str, Payload], Request]) -> _Build:
    return lambda sources: [
        make(path.format(image=sources.image, version=sources.version), image) for image in sources.images
    ]


def _get(path: str) -> _Build:
    return lambda sources: [Request(method="GET", path=path.format(faq=sources.faq, image=sources.image))]


def _azure_faq(sources: Sources) -> list[Request]:
    path = f"/api/v1/service/{sources.faq}/score"
    return [bodies.json_request(path, {"data": [text], "top_k": TOP_K}) for text in sources.texts]


def _oip_faq(sources: Sources) -> list[Request]:
    path = f"/v2/models/{sources.faq}/infer"
    return [bodies.inference_request(path, "question", text) for text in sources.texts]


SCENARIOS: dict[str, tuple[str, _Build]] = {
    "faq": ("a question to /{faq}/score", _faq("/{faq}/score", top_k=TOP_K)),
    "faq-explain": ("the same, explained", _faq("/{faq}/score", top_k=TOP_K, explain=True)),
    "faq-version": ("the same, to a version of the model", _faq("/{faq}/versions/{version}/score", top_k=TOP_K)),
    "bare-faq": ("a question to /score", _faq("/score", top_k=TOP_K)),
    "azureml-faq": ("a question to Azure Machine Learning's route", _azure_faq),
    "oip-faq": ("a question by the Open Inference Protocol", _oip_faq),
    "image": ("an image file to /{image}/score", _images(f"/{{image}}/score?top_k={TOP_K}", bodies.raw_request)),
    "image-json": ("an image as base64 in JSON", _images("/{image}/score", bodies.image_json_request)),
    "image-form": ("an image in a form", _images("/{image}/score", bodies.image_form_request)),
    "image-explain": (
        "an image, explained: heavy work",
        _images(f"/{{image}}/score?top_k={TOP_K}&explain=true", bodies.raw_request),
    ),
    "image-version": (
        "an image to a version of the model",
        _images(f"/{{image}}/versions/{{version}}/score?top_k={TOP_K}", bodies.raw_request),
    ),
    "bare-image": ("an image file to /score", _images(f"/score?top_k={TOP_K}", bodies.raw_request)),
    "azureml-image": (
        "an image to Azure Machine Learning's route",
        _images("/api/v1/service/{image}/score", bodies.azure_image_request),
    ),
    "oip-image": (
        "an image by the Open Inference Protocol, in JSON",
        _images("/v2/models/{image}/infer", bodies.inference_image_request),
    ),
    "oip-image-binary": (
        "the same as a binary tensor",
        _images("/v2/models/{image}/infer", bodies.binary_inference_request),
    ),
    "live": ("GET /v2/health/live", _get("/v2/health/live")),
    "ready": ("GET /v2/health/ready, which asks every model", _get("/v2/health/ready")),
    "metadata": ("GET /v2/models/{faq}", _get("/v2/models/{faq}")),
}


def scenarios(texts: Sequence[str], sources: Sources, *, with_bad: bool = False) -> list[Scenario]:
    """Build what the user wants to send.

    Args:
        texts: `NAME` or `NAME=WEIGHT`. A name of `SCENARIOS`; or a path, which begins with a slash, for GET; or
            `PATH@FILE`, for POST with the file, or each of the folder's files, as a body.
        sources: of questions and images.
        with_bad: whether bad requests are wanted, too.

    Raises:
        BenchmarkError: there is no such scenario, file or folder, or a weight is no number.
    """
    found = []
    for text in texts:
        name, weight = _weighed(text)
        requests = _requests(name, sources)
        bad = bad_requests(requests) if with_bad else []
        found.append(Scenario(name=name, weight=weight, requests=requests, bad_requests=bad))
    if len({scenario.name for scenario in found}) < len(found):
        raise BenchmarkError("A scenario is named twice; give it once, with its weight.")
    return found


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


def _weighed(text: str) -> tuple[str, float]:
    name, equals, weight = text.rpartition("=")
    if not equals:
        return text, 1.0
    try:
        number = float(weight)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise BenchmarkError(f"{weight!r} in {text!r} is no weight; write a number above 0, as in faq=3.")
    return name, number


def _requests(name: str, sources: Sources) -> list[Request]:
    if name in SCENARIOS:
        return SCENARIOS[name][1](sources)
    path, at, file = name.partition("@")
    if not path.startswith("/") or any(character.isspace() for character in path):
        raise BenchmarkError(f"There is no scenario {name!r}; there are {', '.join(SCENARIOS)}, /PATH and /PATH@FILE.")
    return _of_files(path, Path(file)) if at else [Request(method="GET", path=path)]


def _of_files(path: str, file: Path) -> list[Request]:
    files = sorted(each for each in file.iterdir() if each.is_file()) if file.is_dir() else [file]
    types = {**CONTENT_TYPES, ".json": "application/json", ".txt": "text/plain"}
    try:
        found = [
            Payload(each.read_bytes(), types.get(each.suffix.lower(), "application/octet-stream")) for each in files
        ]
    except OSError as error:
        raise BenchmarkError(f"{file} cannot be read: {error.strerror}.") from None
    if not found:
        raise BenchmarkError(f"{file} holds no files.")
    return [bodies.raw_request(path, payload) for payload in found]
