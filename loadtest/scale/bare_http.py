"""A web server with one route that does nothing: what every path through Ray Serve is compared with.

A program of its own, `python -m loadtest.scale.bare_http PORT`: one process of uvicorn.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ANSWER = {"result": [1.0]}

Model = Callable[[str], Awaitable[dict[str, list[float]]]]


def build_app(model: Model | None = None) -> Starlette:
    """Return an application that reads a question at `POST /score` and answers it, itself or by a model.

    Args:
        model: answers; None for the same answer at once.
    """

    async def score(request: Request) -> Response:
        question = (await request.json())["input"]
        return JSONResponse(ANSWER if model is None else await model(question))

    return Starlette(routes=[Route("/score", score, methods=["POST"])])


def main(port: int) -> None:
    """Serve until SIGTERM."""
    import uvicorn  # noqa: PLC0415 - only this program needs it

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            print(f"Ready: http://127.0.0.1:{port}", flush=True)

    Server(uvicorn.Config(build_app(), host="127.0.0.1", port=port, log_level="error", access_log=False)).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
