"""BentoML: `bentoml serve loadtest.peers.servers.bentoml_app:Scoring`.

A worker is a process that answers HTTP and runs the model, so nothing is handed on. Metrics, traces and access logs are
off. Where batches pay, `batchable` joins what waits (adaptive batching); its requests hold lists of questions.
"""

# BentoML reads annotations itself, so they must not be texts.
from typing import Any

import bentoml  # type: ignore[import-not-found]
from starlette.responses import Response

from loadtest.peers.models.options import Options
from loadtest.peers.models.serving import ROUTES, answer, service_of

# What waits longer than this is refused, so far above what a request may take.
MAX_LATENCY_MS = 60_000

options = Options.from_environment()
configured = bentoml.service(
    workers=options.workers,
    # Of one worker: images are decoded on one thread while another waits for the network.
    threads=options.streams + 1,
    traffic={"timeout": 120},
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
)
route = ROUTES[options.model]


def _response(result: Any) -> Response:
    return Response(answer(result), media_type="application/json")


class Faq:
    """Scores one question on the event loop, as the same work in FastAPI."""

    def __init__(self) -> None:
        self.service = service_of(options)

    @bentoml.api(route=route)  # type: ignore[untyped-decorator]
    async def score(self, input: str, top_k: int = 3) -> Any:  # noqa: A002, ARG002 - the body's keys
        """Answer a question."""
        return _response(self.service.score([input])[0])


class BatchedFaq:
    """Scores what waits together, on a thread."""

    def __init__(self) -> None:
        self.service = service_of(options)

    @bentoml.api(  # type: ignore[untyped-decorator]
        route=route, batchable=True, max_batch_size=max(2, options.batch), max_latency_ms=MAX_LATENCY_MS
    )
    def score(self, input: list[str]) -> list[Any]:  # noqa: A002 - the body's key
        """Answer questions."""
        return self.service.score(input)


class Image:
    """Decodes and classifies one image on a thread."""

    def __init__(self) -> None:
        self.service = service_of(options)

    @bentoml.api(route=route)  # type: ignore[untyped-decorator]
    def classify(self, image: bytes, /) -> Any:
        """Answer an image file."""
        return _response(self.service.score([self.service.read(image)])[0])


def _chosen() -> type:
    if options.model == "image":
        return Image
    return Faq if options.batch == 1 else BatchedFaq


Scoring = configured(_chosen())
