"""What the server and its models say of themselves: `GET /v2`, `/v2/models/{model}[/versions/{version}][/ready]`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deployments.codecs.tensors.parameters import CommonParameters
from deployments.contracts import ModelDescription, Tensor, Weights
from deployments.ingress.endpoints import Handler
from deployments.ingress.health_routes import installed
from deployments.ingress.routing.table import Model, ModelTable, Version
from deployments.ingress.settings import Limits
from deployments.interface import Interface

PRODUCT = "ray-scoring"
EXTENSIONS = ["binary_tensor_data", "parameters"]


class TensorMetadata(BaseModel):
    """A tensor that a model takes or gives."""

    name: str
    datatype: str
    shape: list[int] = Field(description="-1 stands for any size.")
    content_type: str = Field(default="", description="What the elements of BYTES are; left out where that is plain.")
    description: str = Field(default="", description="For people.")


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
    request_parameters: dict[str, Any] = Field(
        description="What a request may say beside its inputs, each as JSON Schema."
    )
    example: dict[str, Any] = Field(description="A request for inference and its response; empty if there is none.")


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
        return JSONResponse(metadata(model, version, description).model_dump(exclude_unset=True))

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
        request_parameters=_parameters(model.interface),
        example=_example(model, version),
        optional_outputs=[name for name in model.interface.outputs if name not in given],
    )


@lru_cache(maxsize=1024)
def _parameters(interface: Interface) -> dict[str, Any]:
    properties: dict[str, Any] = interface.parameters.model_json_schema().get("properties", {})
    return {name: schema for name, schema in properties.items() if name not in CommonParameters.model_fields}


def _example(model: Model, version: Version) -> dict[str, Any]:
    requests, responses = model.interface.document().inference_examples
    name = next((name for name in requests if name in responses), None)
    if name is None:
        return {}
    return {"request": requests[name]["value"], "response": answered_by(model, version.name, responses[name]["value"])}


def answered_by(model: Model, version: str, response: Mapping[str, Any]) -> dict[str, Any]:
    """Return an example of a response as this model answers: a kind knows neither the model's name nor its version."""
    return {**response, "model_name": model.name, "model_version": version}


def _tensor(tensor: Tensor) -> TensorMetadata:
    told = {"content_type": tensor.content_type, "description": tensor.description}
    return TensorMetadata(
        name=tensor.name,
        datatype=tensor.datatype,
        shape=list(tensor.shape),
        **{name: value for name, value in told.items() if value},
    )
