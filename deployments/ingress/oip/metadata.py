"""What the server and its models say of themselves: `GET /v2`, `/v2/models/{model}[/versions/{version}][/ready]`."""

from __future__ import annotations

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deployments.contracts import ModelDescription, Tensor, Weights
from deployments.ingress.endpoints import Handler
from deployments.ingress.health_routes import installed
from deployments.ingress.models import Model, ModelTable, Version
from deployments.ingress.settings import Limits

PRODUCT = "ray-scoring"
EXTENSIONS = ["binary_tensor_data", "parameters"]


class TensorMetadata(BaseModel):
    """A tensor that a model takes or gives."""

    name: str
    datatype: str
    shape: list[int] = Field(description="-1 stands for any size.")


class ModelMetadata(BaseModel):
    """A model, as the Open Inference Protocol describes it."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    weights: Weights = Field(description="untrained: seeded weights whose answers mean nothing.")
    parameters: dict[str, str | int | float]
    optional_outputs: list[str] = Field(description="Tensors that come only where a request asks for them.")


class ServerMetadata(BaseModel):
    """The server, as the Open Inference Protocol describes it."""

    name: str
    version: str
    extensions: list[str] = Field(description="binary_tensor_data: tensors may be sent and got as binary data.")


class ModelReady(BaseModel):
    """A model that answers."""

    name: str
    ready: bool


def server_route() -> Handler:
    """Return the handler of `/v2`."""
    about = ServerMetadata(name=PRODUCT, version=installed(PRODUCT) or "unknown", extensions=EXTENSIONS)

    async def describe(_request: Request) -> Response:
        return JSONResponse(about.model_dump())

    return describe


def model_ready_route(table: ModelTable, limits: Limits) -> Handler:
    """Return the handler of a model's or version's `/ready`, which asks a replica."""

    async def ready(request: Request) -> Response:
        model = table.find(request.path_params["model"])
        version = model.version(request.path_params.get("version"))
        await version.stage.describe(limits().readiness_timeout_seconds)
        return JSONResponse(ModelReady(name=model.name, ready=True).model_dump())

    return ready


def model_route(table: ModelTable, limits: Limits) -> Handler:
    """Return the handler of `/v2/models/{model}` and of one of its versions, which asks a replica."""

    async def describe(request: Request) -> Response:
        model = table.find(request.path_params["model"])
        version = model.version(request.path_params.get("version"))
        description = await version.stage.describe(limits().readiness_timeout_seconds)
        return JSONResponse(metadata(model, version, description).model_dump())

    return describe


def metadata(model: Model, version: Version, description: ModelDescription) -> ModelMetadata:
    """Put together what the table and the replica know."""
    given = {tensor.name for tensor in description.outputs}
    if version.explainer is None:
        given |= set(model.interface.explanations)
    return ModelMetadata(
        name=model.name,
        versions=list(model.versions),
        platform=description.platform,
        inputs=[_tensor(tensor) for tensor in description.inputs],
        outputs=[_tensor(tensor) for tensor in description.outputs],
        weights=description.weights,
        parameters=description.parameters,
        optional_outputs=[name for name in model.interface.outputs if name not in given],
    )


def _tensor(tensor: Tensor) -> TensorMetadata:
    return TensorMetadata(name=tensor.name, datatype=tensor.datatype, shape=list(tensor.shape))
