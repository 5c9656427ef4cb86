"""What a server under comparison is started with, as environment variables; every program of a peer reads the same."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

PREFIX = "PEER_"


@dataclass(frozen=True, slots=True)
class Options:
    """How one server is started.

    Attributes:
        model: `faq` or `image`.
        file: the FAQ's file, or the network's directory.
        port: where to listen, on the loopback address.
        workers: processes that run the model.
        batch: requests that may be joined; 1 for none.
        threads: of one worker's network.
        streams: images that one worker's network works on at once, sharing its threads.
        precision: of the network's arithmetic, `fp32` or `bf16`.
    """

    model: str
    file: str
    port: int = 0
    workers: int = 1
    batch: int = 1
    threads: int = 1
    streams: int = 1
    precision: str = "fp32"

    def environment(self) -> dict[str, str]:
        """Return the variables that tell these options."""
        return {f"{PREFIX}{each.name.upper()}": str(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_environment(cls) -> Options:
        """Return what this process was started with."""

        def text(name: str) -> str:
            return os.environ[f"{PREFIX}{name.upper()}"]

        def number(name: str) -> int:
            return int(text(name))

        return cls(
            model=text("model"),
            file=text("file"),
            port=number("port"),
            workers=number("workers"),
            batch=number("batch"),
            threads=number("threads"),
            streams=number("streams"),
            precision=text("precision"),
        )
