"""What a model says of itself, in the form of the Open Inference Protocol."""

from __future__ import annotations

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deployments.contracts import ModelDescription, Tensor, Weights
from deployments.ingress.endpoints import Handler
from deployments.ingress.models import Model, ModelTable
from deployments.ingress.settings import Limits


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


def model_route(table: ModelTable, limits: Limits) -> Handler:
    """Return the handler of `/v2/models/{model}` and of one of its versions, which asks a replica."""

    async def describe(request: Request) -> Response:
        model = table.find(request.path_params["model"])
        version = model.version(request.path_params.get("version"))
        description = await version.stage.describe(limits().readiness_timeout_seconds)
        return JSONResponse(metadata(model, description).model_dump())

    return describe


def metadata(model: Model, description: ModelDescription) -> ModelMetadata:
    """Put together what the table and the replica know."""
    return ModelMetadata(
        name=model.name,
        versions=list(model.versions),
        platform=description.platform,
        inputs=[_tensor(tensor) for tensor in description.inputs],
        outputs=[_tensor(tensor) for tensor in description.outputs],
        weights=description.weights,
        parameters=description.parameters,
    )


def _tensor(tensor: Tensor) -> TensorMetadata:
    return TensorMetadata(name=tensor.name, datatype=tensor.datatype, shape=list(tensor.shape))
