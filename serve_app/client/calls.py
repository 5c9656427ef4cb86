"""What can be asked of the service: requests, and how their answers are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypedDict, TypeVar
from urllib.parse import quote

from serve_app.client import readings
from serve_app.client.payloads import Payload
from serve_app.client.results import ModelDescription
from serve_app.client.steps import Reply

ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)


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


@dataclass(frozen=True, slots=True)
class Call(Generic[ResultT_co]):
    """A request that may be made, and how its answer is read.

    Attributes:
        method: of HTTP.
        path: under the service's address.
        read: makes the result of a response of status 200.
        model: whose key or token it needs; None for none.
        payload: its body, or what makes it and may take a while.
        query: its query parameters.
        timeout_seconds: how long it may take; None for the client's default.
        headers: of this request, besides those that every request has.
    """

    method: str
    path: str
    read: Callable[[Reply], ResultT_co]
    model: str | None = None
    payload: Payload | Callable[[], Payload] = field(default=Payload(), repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def describe(model: str, *, version: str | None = None, timeout_seconds: float | None = None) -> Call[ModelDescription]:
    """Ask a model what it is."""
    return Call(
        "GET", inference_path(model, version), readings.read_description, model, timeout_seconds=timeout_seconds
    )


def ready(*, model: str | None = None, version: str | None = None, timeout_seconds: float | None = None) -> Call[bool]:
    """Ask whether every model answers, or one of them; the answer is True or an error."""
    if model is None and version is not None:
        raise TypeError("A version needs its model.")
    path = "/v2/health/ready" if model is None else f"{inference_path(model, version)}/ready"
    return Call("GET", path, _is_ready, model, timeout_seconds=timeout_seconds)


def _is_ready(_reply: Reply) -> bool:
    return True


def listed(items: Iterable[ResultT], single: Any) -> list[ResultT]:
    """Return several items as a list; `single` are the types of one of them.

    Raises:
        TypeError: it is one item.
        ValueError: there are none.
    """
    if isinstance(items, single):
        raise TypeError("Several are wanted: a list, not one of them.")
    every = list(items)
    if not every:
        raise ValueError("There is nothing to score: the list is empty.")
    return every


def score_path(model: str, version: str | None) -> str:
    """Return the path of the route that is a model's own."""
    return f"/{quoted(model)}/score" if version is None else f"/{quoted(model)}/versions/{quoted(version)}/score"


def inference_path(model: str, version: str | None) -> str:
    """Return the path of a model by the Open Inference Protocol."""
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
