"""FastAPI: one route; `uvicorn loadtest.peers.servers.fastapi_app:app` with uvloop and httptools starts it.

The FAQ is scored on the event loop: scoring holds the interpreter's lock, so that a thread would only be in the way.
Images are decoded and classified on threads, which let the lock go meanwhile.
"""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from loadtest.peers.models.options import Options
from loadtest.peers.models.serving import ROUTES, answer, service_of

options = Options.from_environment()
service = service_of(options)
app = FastAPI()


def _scored(body: bytes) -> bytes:
    return answer(service.score([service.read(body)])[0])


async def _faq(request: Request) -> Response:
    return Response(_scored(await request.body()), media_type="application/json")


async def _image(request: Request) -> Response:
    return Response(await run_in_threadpool(_scored, await request.body()), media_type="application/json")


app.post(ROUTES[options.model])({"faq": _faq, "image": _image}[options.model])
