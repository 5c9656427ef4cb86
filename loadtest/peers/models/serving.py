"""Both models behind one face, for servers that serve either."""

from __future__ import annotations

from typing import Any

import orjson

from loadtest.peers.models.options import Options

# Where each model is asked, by ours as by the peers.
ROUTES = {"faq": "/faq/score", "image": "/image/score"}


class FaqService:
    """Answers `{"input": "...", "top_k": 3}`."""

    def __init__(self, options: Options) -> None:
        from loadtest.peers.models.faq import Faq  # noqa: PLC0415 - not where the network is served

        self._faq = Faq(options.file)

    def read(self, body: bytes) -> str:
        """Return what the model takes."""
        question: str = orjson.loads(body)["input"]
        return question

    def score(self, questions: list[str]) -> list[Any]:
        """Answer each."""
        return self._faq.match(questions)


class ImageService:
    """Answers the bytes of an image file."""

    def __init__(self, options: Options) -> None:
        from loadtest.peers.models.network import Network  # noqa: PLC0415 - not where the FAQ is served

        self._network = Network(
            options.file, threads=options.threads, streams=options.streams, precision=options.precision
        )

    def read(self, body: bytes) -> Any:
        """Return what the model takes: pixels."""
        return self._network.prepare(body)

    def score(self, images: list[Any]) -> list[Any]:
        """Answer each."""
        return self._network.classify(images)


Service = FaqService | ImageService


def service_of(options: Options) -> Service:
    """Load the model that the options name."""
    return FaqService(options) if options.model == "faq" else ImageService(options)


def answer(result: Any) -> bytes:
    """Return the body of a response: the best three of one question or image."""
    return orjson.dumps({"result": result})
