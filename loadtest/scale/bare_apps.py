"""Ray Serve without this product: applications of one deployment and of two, for Ray Serve's config file.

Named by `import_path` only, so that who measures does not load Ray.
"""

from __future__ import annotations

from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.handle import DeploymentHandle
from starlette.applications import Starlette

from loadtest.scale.bare_http import ANSWER, build_app

# More than any load here has out.
ROOM = 4096


class Front:
    """Answers over HTTP, itself or by a model behind it."""

    def __init__(self, model: DeploymentHandle[Any] | None = None) -> None:
        self._model = model

    def __serve_build_asgi_app__(self) -> Starlette:
        return build_app(None if self._model is None else self._ask)

    async def _ask(self, question: str) -> dict[str, list[float]]:
        assert self._model is not None  # noqa: S101 - only then is this called
        answer: dict[str, list[float]] = await self._model.remote(question)
        return answer


class Model:
    """Answers at once."""

    async def __call__(self, _question: str) -> dict[str, list[float]]:
        """Answer."""
        return ANSWER


def one(_args: dict[str, Any]) -> Application:
    """Build an application that answers itself."""
    return _front("one")


def two(_args: dict[str, Any]) -> Application:
    """Build an application whose ingress calls a model for each request."""
    model: Any = serve.deployment(Model, name="two-model", max_ongoing_requests=ROOM)
    return _front("two", model.options(ray_actor_options={"num_cpus": 0}).bind())


def _front(name: str, *models: Application) -> Application:
    front: Any = serve.deployment(serve.ingress()(Front), name=name, max_ongoing_requests=ROOM)
    bound: Application = front.options(ray_actor_options={"num_cpus": 0}).bind(*models)
    return bound
