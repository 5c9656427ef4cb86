"""The peers and how each is started: settings that anyone can read and object to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.payloads import Payload
from loadtest.peers.models.options import Options

SERVERS = "loadtest.peers.servers"

# Requests that may be joined, where joining them pays.
JOINED = {"faq": 64, "image": 8}

Command = Callable[[Path, Options, Path], list[str]]
Body = Callable[[Payload], Payload]


@dataclass(frozen=True, slots=True)
class Peer:
    """One of the servers that ours is compared with.

    Attributes:
        name: of its lock, `requirements/peers/{name}.txt`.
        title: for people.
        package: whose version is told.
        command: starts it: its Python, its options, a directory of its own.
        joins: models for which it joins requests by choice, since that was the faster way.
        can_join: models for which it could.
        joined_routes: where joined requests go to, if elsewhere.
        joined_body: what they hold, if something else.
        can_stream: one worker can have several images at once, which share its threads.
        environment: variables beside the options.
        about: its settings in a sentence.
    """

    name: str
    title: str
    package: str
    command: Command
    about: str
    joins: frozenset[str] = frozenset()
    can_join: frozenset[str] = frozenset()
    joined_routes: dict[str, str] = field(default_factory=dict)
    joined_body: Body | None = None
    can_stream: bool = False
    environment: dict[str, str] = field(default_factory=dict)


def _fastapi(python: Path, options: Options, _: Path) -> list[str]:
    return [
        str(python), "-m", "uvicorn", f"{SERVERS}.fastapi_app:app", "--port", str(options.port),
        "--workers", str(options.workers), "--loop", "uvloop", "--http", "httptools", "--no-access-log",
        "--log-level", "warning",
    ]  # fmt: skip


def _litserve(python: Path, _: Options, __: Path) -> list[str]:
    return [str(python), "-m", f"{SERVERS}.litserve_app"]


def _bentoml(python: Path, options: Options, _: Path) -> list[str]:
    service = f"{SERVERS}.bentoml_app:Scoring"
    return [str(python), "-m", "bentoml", "serve", service, "--host", "127.0.0.1", "--port", str(options.port)]


def _mlserver(python: Path, _: Options, directory: Path) -> list[str]:
    return [str(python), "-m", f"{SERVERS}.mlserver_app", str(directory)]


def _list_body(payload: Payload) -> Payload:
    return Payload(json.dumps({"input": [json.loads(payload.content)["input"]]}).encode(), payload.content_type)


def _protocol_body(payload: Payload) -> Payload:
    question = json.loads(payload.content)["input"]
    tensor = {"name": "question", "datatype": "BYTES", "shape": [1], "data": [question]}
    return Payload(json.dumps({"inputs": [tensor]}).encode(), payload.content_type)


_FAQ = frozenset({"faq"})
_BOTH = frozenset({"faq", "image"})

PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "fastapi",
            "FastAPI",
            "fastapi",
            _fastapi,
            "FastAPI with uvicorn, uvloop and httptools: each worker is a process that answers HTTP and runs the "
            "model; the FAQ on the event loop, images on threads. It joins no requests.",
            can_stream=True,
        ),
        Peer(
            "litserve",
            "LitServe",
            "litserve",
            _litserve,
            "LitServe with fast_queue, uvloop and httptools: for each worker one process that answers HTTP and one "
            "that runs the model. It joins FAQ requests (max_batch_size 64, no timeout), images not.",
            joins=_FAQ,
            can_join=_BOTH,
        ),
        Peer(
            "bentoml",
            "BentoML",
            "bentoml",
            _bentoml,
            "BentoML without metrics and access log: each worker is a process that answers HTTP and runs the model. "
            "It joins FAQ requests (batchable), whose body then holds a list of one question; images not.",
            joins=_FAQ,
            can_join=_FAQ,
            joined_body=_list_body,
            can_stream=True,
            environment={"BENTOML_DO_NOT_TRACK": "True"},
        ),
        Peer(
            "mlserver",
            "MLServer",
            "mlserver",
            _mlserver,
            "MLServer without metrics and debug: one worker is its own process (parallel_workers 0), two are processes "
            "beside it. Custom handlers take the same bodies as ours; it joins requests of the Open Inference Protocol "
            "only (max_batch_size 64, max_batch_time 1 ms), so questions are sent as those; images not.",
            joins=_FAQ,
            can_join=_FAQ,
            joined_routes={"faq": "/v2/models/faq/infer"},
            joined_body=_protocol_body,
        ),
    )
}
