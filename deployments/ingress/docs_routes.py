"""The OpenAPI document, and a page that shows it without reaching for anything outside."""

from __future__ import annotations

from importlib.resources import files

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from deployments.ingress.access.guard import Guard
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.endpoints import endpoint
from deployments.ingress.health_routes import installed
from deployments.ingress.openapi import document
from deployments.ingress.routing.table import ModelTable
from deployments.ingress.settings import Limits

# Swagger UI's files come with this package.
UI_PACKAGE = "fastapi_offline"
ASSETS = "/docs/assets"

PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ray-scoring</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{ASSETS}/swagger-ui.css">
</head>
<body>
<div id="document"></div>
<script src="{ASSETS}/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({{url: "/swagger.json", dom_id: "#document", deepLinking: true}})</script>
</body>
</html>
"""


def docs_routes(table: ModelTable, limits: Limits, guard: Guard) -> list[BaseRoute]:
    """Return the routes of the document, the page and the page's files."""
    number = installed("ray-scoring") or "unknown"
    contents: dict[tuple[bool, bool], bytes] = {}

    def content(access: AccessSettings) -> bytes:
        key = (access.is_required, access.open_docs)
        if key not in contents:
            contents[key] = orjson.dumps(document(table, number, needs_key=key[0], open_docs=key[1]))
        return contents[key]

    async def show_document(_request: Request) -> Response:
        return Response(content(limits().access), media_type="application/json")

    async def show_page(_request: Request) -> Response:
        return HTMLResponse(PAGE)

    return [
        Route("/swagger.json", endpoint(guard.documents(show_document))),
        Route("/docs", endpoint(guard.documents(show_page))),
        Mount(ASSETS, StaticFiles(directory=str(files(UI_PACKAGE) / "static"))),
    ]
