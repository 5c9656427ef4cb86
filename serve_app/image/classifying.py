"""Images for the classifier, as calls of the client.

with ScoringClient("https://scoring.example.com") as client:
    client.call(classify("lynx.jpg")).best
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar, Unpack

from serve_app.client.calls import Call, CallOptions, listed, score_path
from serve_app.client.payloads import Chunks, Payload
from serve_app.client.steps import Reply
from serve_app.image import answers, files
from serve_app.image.files import Image
from serve_app.image.results import ImageResult

ResultT = TypeVar("ResultT")

MODEL = "image"


class ImageOptions(CallOptions, total=False):
    """What may be said besides an image.

    Attributes:
        top_k: how many classes to return; 3 if left out.
        explain: whether to tell where the network saw the most probable class.
        explain_class: index of another class to tell that of.
    """

    top_k: int | None
    explain: bool
    explain_class: int | None


def classify(image: Image | Chunks, **options: Unpack[ImageOptions]) -> Call[ImageResult]:
    """Ask for the classes of an image; options are those of `ImageOptions`."""
    return _image_call(partial(files.image_payload, image), answers.read_image, **options)


def classify_all(images: Iterable[Image], **options: Unpack[ImageOptions]) -> Call[list[ImageResult]]:
    """Ask for the classes of several images in one request; options are those of `ImageOptions`."""
    every = listed(images, str | bytes)
    names = files.names_of(every)
    payload = partial(files.images_payload, every, names)
    return _image_call(payload, partial(answers.read_images, names=names), **options)


def _image_call(
    payload: Callable[[], Payload],
    read: Callable[[Reply], ResultT],
    *,
    model: str = MODEL,
    version: str | None = None,
    timeout_seconds: float | None = None,
    top_k: int | None = None,
    explain: bool = False,
    explain_class: int | None = None,
) -> Call[ResultT]:
    query = {
        "top_k": top_k,
        "explain": "true" if explain or explain_class is not None else None,
        "explain_class": explain_class,
    }
    given = {name: str(value) for name, value in query.items() if value is not None}
    return Call("POST", score_path(model, version), read, model, payload, given, timeout_seconds)
