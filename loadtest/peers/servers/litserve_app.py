"""LitServe: `python -m loadtest.peers.servers.litserve_app`.

One HTTP process for each worker, messages between them over ZeroMQ (`fast_queue`), batches without waiting where they
pay. Raw bytes come as FastAPI hands them over; answers leave as finished JSON.
"""

# LitServe reads annotations itself, so they must not be texts.
from typing import Annotated, Any

import litserve  # type: ignore[import-not-found]
from fastapi import Body, Response

from loadtest.peers.models.options import Options
from loadtest.peers.models.serving import ROUTES, answer, service_of


class FaqApi(litserve.LitAPI):  # type: ignore[misc]
    """Scores questions; LitServe parses JSON bodies itself."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's interface
        """Load the model in a worker."""
        self.service = service_of(Options.from_environment())

    def decode_request(self, request) -> Any:  # type: ignore[no-untyped-def] # noqa: ANN001 - for LitServe's own parsing
        """Return what the model takes."""
        return request["input"]

    def predict(self, inputs: Any) -> Any:
        """Score one item, or a list of them where requests are joined."""
        return self.service.score(inputs) if self.max_batch_size > 1 else self.service.score([inputs])[0]

    def encode_response(self, output: Any) -> Response:
        """Return the body."""
        return Response(answer(output), media_type="application/json")


class ImageApi(FaqApi):
    """Classifies the bytes of image files."""

    def decode_request(self, request: Annotated[bytes, Body()]) -> Any:
        """Return pixels."""
        return self.service.read(request)


def main() -> None:
    """Serve until SIGTERM."""
    options = Options.from_environment()
    kind = {"faq": FaqApi, "image": ImageApi}[options.model]
    api = kind(max_batch_size=options.batch, batch_timeout=0.0, api_path=ROUTES[options.model])
    server = litserve.LitServer(
        api, accelerator="cpu", devices=1, workers_per_device=options.workers, fast_queue=True, timeout=False
    )
    server.run(
        host="127.0.0.1",
        port=options.port,
        num_api_servers=options.workers,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )


if __name__ == "__main__":
    main()
