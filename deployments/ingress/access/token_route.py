"""`POST /api/v1/service/{model}/token`: a token for a key, in the form of Azure Machine Learning."""

from __future__ import annotations

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from deployments.ingress.access.guard import Guard
from deployments.ingress.access.principals import principal_of
from deployments.ingress.endpoints import Handler
from deployments.ingress.routing.table import ModelTable

TOKEN_PATH = "/api/v1/service/{model}/token"  # noqa: S105 - a path


class AccessToken(BaseModel):
    """A token, and when to get the next."""

    model_config = ConfigDict(populate_by_name=True)

    access_token: str = Field(alias="accessToken", description="Send it as Authorization: Bearer.")
    token_type: str = Field(default="Bearer", alias="tokenType")
    refresh_after: int = Field(
        alias="refreshAfterTimeUtc", description="When to get the next token, in seconds since 1970."
    )
    expires: int = Field(alias="expiryTimeUtc", description="When it ends, in seconds since 1970.")


def token_route(table: ModelTable, guard: Guard) -> Handler:
    """Return the handler; it needs no body."""

    async def issue(request: Request) -> Response:
        model = table.find(request.path_params["model"])
        token = await guard.issue(principal_of(request), model.name)
        answer = AccessToken(
            access_token=token.text, refresh_after=token.refresh_after, expires=token.expires
        ).model_dump(by_alias=True)
        # RFC 6749, section 5.1
        return Response(orjson.dumps(answer), media_type="application/json", headers={"cache-control": "no-store"})

    return issue
