"""What can be asked of the service: requests, and how their answers are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Literal, TypedDict, TypeVar
from urllib.parse import quote

from serve_app.client import payloads, readings
from serve_app.client.payloads import Chunks, Image, Payload
from serve_app.client.results import FaqResult, ImageResult, ModelDescription
from serve_app.client.steps import Reply

ResultT = TypeVar("ResultT")

FAQ = "faq"
IMAGE = "image"


class CallOptions(TypedDict, total=False):
    """What every call may say.

    Attributes:
        model: name of the model.
        version: its version; the one that the service answers with by default if left out.
        timeout_seconds: for this call, in place of the client's.
    """

    model: str
    version: str | None
    timeout_seconds: float | None


class FaqOptions(CallOptions, total=False):
    """What may be said beside a question.

    Attributes:
        top_k: how many matches to return; every original if left out.
        threshold: the least probability of a match, 0 to 1; `trained` for the model's own. Less probable ones are left
            out.
        answers: whether to return the answers' texts.
        explain: whether to tell which terms made each match.
    """

    top_k: int | None
    threshold: float | Literal["trained"] | None
    answers: bool
    explain: bool


class ImageOptions(CallOptions, total=False):
    """What may be said beside an image.

    Attributes:
        top_k: how many classes to return; 3 if left out.
        explain: whether to tell where the network saw the most probable class.
        explain_class: index of another class to tell that of.
    """

    top_k: int | None
    explain: bool
    explain_class: int | None


@dataclass(frozen=True, slots=True)
class Call(Generic[ResultT]):
    """A request that may be made, and how its answer is read.

    Attributes:
        method: of HTTP.
        path: under the service's address.
        read: makes the result of a response of status 200.
        model: whose key or token it needs; None for none.
        payload: its body, or what makes it and may take a while.
        query: its query parameters.
        timeout_seconds: how long it may take; None for the client's default.
    """

    method: str
    path: str
    read: Callable[[Reply], ResultT]
    model: str | None = None
    payload: Payload | Callable[[], Payload] = field(default=Payload(), repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float | None = None


def ask(question: str, **options: Any) -> Call[FaqResult]:
    """Ask for the matches of a question; options are those of `FaqOptions`."""
    if not isinstance(question, str):
        raise TypeError("A question is a text; several are for `ask_all`.")
    return _faq_call(question, readings.read_question, **options)


def ask_all(questions: Iterable[str], **options: Any) -> Call[list[FaqResult]]:
    """Ask for the matches of several questions in one request; options are those of `FaqOptions`."""
    texts = _listed(questions, str)
    return _faq_call(texts, partial(readings.read_questions, count=len(texts)), **options)


def classify(image: Image | Chunks, **options: Any) -> Call[ImageResult]:
    """Ask for the classes of an image; options are those of `ImageOptions`."""
    return _image_call(partial(payloads.image_payload, image), readings.read_image, **options)


def classify_all(images: Iterable[Image], **options: Any) -> Call[list[ImageResult]]:
    """Ask for the classes of several images in one request; options are those of `ImageOptions`."""
    every = _listed(images, str | bytes)
    names = payloads.names_of(every)
    payload = partial(payloads.images_payload, every, names)
    return _image_call(payload, partial(readings.read_images, names=names), **options)


def describe(model: str, *, version: str | None = None, timeout_seconds: float | None = None) -> Call[ModelDescription]:
    """Ask a model what it is."""
    return Call(
        "GET", _inference_path(model, version), readings.read_description, model, timeout_seconds=timeout_seconds
    )


def ready(*, model: str | None = None, version: str | None = None, timeout_seconds: float | None = None) -> Call[bool]:
    """Ask whether every model answers, or one of them; the answer is True or an error."""
    if model is None and version is not None:
        raise TypeError("A version needs its model.")
    path = "/v2/health/ready" if model is None else f"{_inference_path(model, version)}/ready"
    return Call("GET", path, _is_ready, model, timeout_seconds=timeout_seconds)


def _is_ready(_reply: Reply) -> bool:
    return True


def _faq_call(
    given: str | Sequence[str],
    read: Callable[[Reply], ResultT],
    *,
    model: str = FAQ,
    version: str | None = None,
    timeout_seconds: float | None = None,
    top_k: int | None = None,
    threshold: float | Literal["trained"] | None = None,
    answers: bool = False,
    explain: bool = False,
) -> Call[ResultT]:
    content = {
        "input": given,
        "top_k": top_k,
        "threshold": threshold,
        "answers": answers or None,
        "explain": explain or None,
    }
    path = _score_path(model, version)
    return Call("POST", path, read, model, payloads.json_payload(content), timeout_seconds=timeout_seconds)


def _image_call(
    payload: Callable[[], Payload],
    read: Callable[[Reply], ResultT],
    *,
    model: str = IMAGE,
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
    return Call("POST", _score_path(model, version), read, model, payload, given, timeout_seconds)


def _listed(items: Iterable[ResultT], single: Any) -> list[ResultT]:
    if isinstance(items, single):
        raise TypeError("Several are wanted: a list, not one of them.")
    listed = list(items)
    if not listed:
        raise ValueError("There is nothing to score: the list is empty.")
    return listed


def _score_path(model: str, version: str | None) -> str:
    return f"/{quoted(model)}/score" if version is None else f"/{quoted(model)}/versions/{quoted(version)}/score"


def _inference_path(model: str, version: str | None) -> str:
    path = f"/v2/models/{quoted(model)}"
    return path if version is None else f"{path}/versions/{quoted(version)}"


def quoted(name: str) -> str:
    """Return a name as one part of a path.

    Raises:
        ValueError: it would be none, or lead elsewhere.
    """
    if name in {"", ".", ".."}:
        raise ValueError("The name of a model or version must not be empty, `.` or `..`.")
    return quote(name, safe="")
