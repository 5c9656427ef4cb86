"""MLServer: `python -m loadtest.peers.servers.mlserver_app DIR` writes the settings into DIR and serves them.

Each model has a custom handler, MLServer's own way to take other bodies than those of the Open Inference Protocol: an
image as the bytes of its file. Requests of the protocol can be joined (adaptive batching), so the FAQ has
`predict` too.
One worker is the server's own process (`parallel_workers: 0`), two are processes of their own.
"""

# MLServer reads annotations itself, so they must not be texts.
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, Response
from mlserver import MLModel  # type: ignore[import-not-found]
from mlserver.codecs import StringCodec  # type: ignore[import-not-found]
from mlserver.handlers import custom_handler  # type: ignore[import-not-found]
from mlserver.types import InferenceRequest, InferenceResponse  # type: ignore[import-not-found]

from loadtest.peers.models.options import Options
from loadtest.peers.models.serving import ROUTES, answer, service_of
from loadtest.ports import free_ports

MODULE = "loadtest.peers.servers.mlserver_app"

# How long a request may wait for others that join it. Without any wait MLServer joins none.
BATCH_SECONDS = 0.001


class _Runtime(MLModel):  # type: ignore[misc]
    async def load(self) -> bool:
        """Load the model in the process that serves it."""
        self.service = service_of(Options.from_environment())
        return True


class FaqRuntime(_Runtime):
    """Scores questions."""

    @custom_handler(rest_path=ROUTES["faq"])  # type: ignore[untyped-decorator]
    async def score(self, payload: dict[str, Any]) -> Response:
        """Answer a question."""
        return Response(answer(self.service.score([payload["input"]])[0]), media_type="application/json")

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer questions that MLServer has joined."""
        questions = StringCodec.decode_input(payload.inputs[0])
        texts = [answer(each).decode() for each in self.service.score(questions)]
        return InferenceResponse(model_name=self.name, outputs=[StringCodec.encode_output("result", texts)])


class ImageRuntime(_Runtime):
    """Classifies images."""

    @custom_handler(rest_path=ROUTES["image"])  # type: ignore[untyped-decorator]
    async def classify(self, body: Annotated[bytes, Body()]) -> Response:
        """Answer an image file."""
        return Response(answer(self.service.score([self.service.read(body)])[0]), media_type="application/json")


def settings(options: Options, ports: Sequence[int]) -> dict[str, Any]:
    """Return MLServer's settings.

    Args:
        options: of this start.
        ports: for gRPC and metrics, which nobody asks here.
    """
    return {
        "debug": False,
        "host": "127.0.0.1",
        "http_port": options.port,
        "grpc_port": ports[0],
        "metrics_port": ports[1],
        "metrics_endpoint": None,
        "gzip_enabled": False,
        "parallel_workers": 0 if options.workers == 1 else options.workers,
    }


def model_settings(options: Options) -> dict[str, Any]:
    """Return the model's settings."""
    name = {"faq": "FaqRuntime", "image": "ImageRuntime"}[options.model]
    joined = {} if options.batch == 1 else {"max_batch_size": options.batch, "max_batch_time": BATCH_SECONDS}
    return {"name": options.model, "implementation": f"{MODULE}.{name}", **joined}


def main(directory: Path) -> None:
    """Write the settings and become MLServer."""
    options = Options.from_environment()
    ports = free_ports(2, beside=[options.port])
    (directory / "settings.json").write_text(json.dumps(settings(options, ports)), encoding="utf-8")
    (directory / "model-settings.json").write_text(json.dumps(model_settings(options)), encoding="utf-8")
    program = str(Path(sys.executable).with_name("mlserver"))
    os.execv(program, [program, "start", str(directory)])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(Path(sys.argv[1]))
