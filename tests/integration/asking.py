"""Every way to ask a model for inference, in one form: rows of inputs by name go in, rows of outputs come out.

Rows of a model with one input or output are its values; those of several are objects.
"""

import json
from dataclasses import dataclass
from functools import partial

import grpc
import numpy as np
import pytest

from deployments.codecs.tensors.binary import pack_elements, split, unpack_elements
from deployments.ingress.oip.grpc.protocol import SERVICE, message

clients_over_http = pytest.importorskip("tritonclient.http", reason="needs tritonclient with its extra http")
# What Triton's client adds to HTTP is in its package; gRPC itself comes with Ray.
clients_over_grpc = pytest.importorskip("tritonclient.grpc", reason="needs tritonclient and grpcio")

DTYPES = {"FP32": "<f4", "FP64": "<f8", "INT64": "<i8", "BYTES": object}
CONTENTS = {"FP32": "fp32_contents", "FP64": "fp64_contents", "INT64": "int64_contents", "BYTES": "bytes_contents"}
LENGTH = "inference-header-content-length"


@dataclass(frozen=True)
class Asked:
    """A request: its parameters, and the rows of each input by name, all of one datatype where tensors have one."""

    model: str
    inputs: dict
    datatype: str
    parameters: dict


class Refused(Exception):
    """The service refuses a request as the client's fault; the text is what it tells."""


def post(service, path, **request):
    response = service.client.post(path, **request)
    if 400 <= response.status_code < 500:
        content = response.json()
        raise Refused(content.get("detail") or content["error"])
    assert response.status_code == 200, response.text
    return response


def _alone(values):
    return next(iter(values.values())) if len(values) == 1 else values


def _records(values):
    if len(values) == 1:
        return _alone(values)
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


def _table(inputs):
    rows = [list(row) for row in zip(*inputs.values(), strict=True)]
    return {"columns": list(inputs), "index": list(range(len(rows))), "data": rows}


def _by_reference(service, asked):
    body = {"input": _alone(asked.inputs), **asked.parameters}
    result, computed = post(service, f"/{asked.model}/score", json=body).json()["result"]
    assert computed.startswith("Computed in ")
    return result


def _by_azure(member, form, service, asked):
    body = {member: form(asked.inputs), **asked.parameters}
    response = post(service, f"/api/v1/service/{asked.model}/score", json=body)
    assert response.headers["azureml-model-deployment"] == "1"
    return response.json()["result"]


def _by_json_tensors(service, asked):
    tensors = [
        {"name": name, "shape": np.shape(values), "datatype": asked.datatype, "data": values}
        for name, values in asked.inputs.items()
    ]
    body = {"id": "own", "inputs": tensors, "parameters": asked.parameters}
    answer = post(service, f"/v2/models/{asked.model}/infer", json=body).json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == (asked.model, "1", "own")
    return _rows({each["name"]: np.array(each["data"], DTYPES[each["datatype"]]) for each in answer["outputs"]})


def _by_binary_tensors(service, asked):
    contents = {name: _packed(asked.datatype, values) for name, values in asked.inputs.items()}
    tensors = [
        {
            "name": name,
            "shape": np.shape(values),
            "datatype": asked.datatype,
            "parameters": {"binary_data_size": len(contents[name])},
        }
        for name, values in asked.inputs.items()
    ]
    header = json.dumps({"inputs": tensors, "parameters": {**asked.parameters, "binary_data_output": True}}).encode()
    headers = {LENGTH: str(len(header)), "content-type": "application/octet-stream"}
    content = b"".join([header, *contents.values()])
    response = post(service, f"/v2/models/{asked.model}/versions/1/infer", content=content, headers=headers)
    told, binary = split(response.content, response.headers[LENGTH])
    outputs = {}
    for each in json.loads(told)["outputs"]:
        size = each["parameters"]["binary_data_size"]
        outputs[each["name"]] = _unpacked(each["datatype"], each["shape"], binary[:size])
        binary = binary[size:]
    assert not binary
    return _rows(outputs)


def _by_typed_grpc(service, asked):
    tensors = [
        {
            "name": name,
            "shape": np.shape(values),
            "datatype": asked.datatype,
            "contents": _contents(asked.datatype, values),
        }
        for name, values in asked.inputs.items()
    ]
    response = _call(service, asked.model, asked.parameters, inputs=tensors)
    assert not response.raw_output_contents
    return _rows(
        {
            each.name: np.array(getattr(each.contents, CONTENTS[each.datatype]), DTYPES[each.datatype])
            for each in response.outputs
        }
    )


def _by_raw_grpc(service, asked):
    tensors = [
        {"name": name, "shape": np.shape(values), "datatype": asked.datatype} for name, values in asked.inputs.items()
    ]
    raw = [_packed(asked.datatype, values) for values in asked.inputs.values()]
    response = _call(service, asked.model, asked.parameters, inputs=tensors, raw_input_contents=raw)
    outputs = zip(response.outputs, response.raw_output_contents, strict=True)
    return _rows({each.name: _unpacked(each.datatype, each.shape, memoryview(raw)) for each, raw in outputs})


def _call(service, model, parameters, **fields):
    choices = {bool: "bool_param", int: "int64_param", float: "double_param", str: "string_param"}
    given = {name: {choices[type(value)]: value} for name, value in parameters.items()}
    request = message("ModelInferRequest")(model_name=model, id="own", parameters=given, **fields)
    with grpc.insecure_channel(service.grpc) as channel:
        try:
            content = channel.unary_unary(f"/{SERVICE}/ModelInfer")(request.SerializeToString(), timeout=60)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
                raise
            raise Refused(error.details()) from None
    response = message("ModelInferResponse").FromString(content)
    assert (response.model_name, response.model_version, response.id) == (model, "1", "own")
    return response


def _by_triton(client_module, address, service, asked):
    tensors = []
    for name, values in asked.inputs.items():
        tensor = client_module.InferInput(name, np.shape(values), asked.datatype)
        tensor.set_data_from_numpy(np.array(values, DTYPES[asked.datatype]))
        tensors.append(tensor)
    with client_module.InferenceServerClient(address(service)) as client:
        try:
            result = client.infer(asked.model, tensors, parameters=asked.parameters)
        except client_module.InferenceServerException as error:
            if error.status() not in {"400", "422", "StatusCode.INVALID_ARGUMENT"}:
                raise
            raise Refused(error.message()) from None
        names = [each["name"] for each in client.get_model_metadata(asked.model, **_as_json(client_module))["outputs"]]
    return _rows({name: result.as_numpy(name) for name in names})


def _as_json(client_module):
    return {"as_json": True} if client_module is clients_over_grpc else {}


def _packed(datatype, values):
    if datatype == "BYTES":
        return pack_elements(text.encode() for text in values)
    return np.array(values, DTYPES[datatype]).tobytes()


def _unpacked(datatype, shape, content):
    if datatype == "BYTES":
        return np.array(unpack_elements(content, *shape), dtype=object)
    return np.frombuffer(content, DTYPES[datatype]).reshape(shape)


def _contents(datatype, values):
    flat = [text.encode() for text in values] if datatype == "BYTES" else np.ravel(values).tolist()
    return {CONTENTS[datatype]: flat}


def _rows(outputs):
    """Return arrays as rows; those of objects hold JSON."""
    return _records(
        {
            name: [json.loads(each) for each in array] if array.dtype == object else array.tolist()
            for name, array in outputs.items()
        }
    )


TENSORS = {
    "JSON tensors": _by_json_tensors,
    "binary tensors": _by_binary_tensors,
    "typed gRPC": _by_typed_grpc,
    "raw gRPC": _by_raw_grpc,
    "Triton's client": partial(_by_triton, clients_over_http, lambda service: f"127.0.0.1:{service.port}"),
    "Triton's gRPC client": partial(_by_triton, clients_over_grpc, lambda service: service.grpc),
}
WAYS = {
    "the references' JSON": _by_reference,
    "Azure's data": partial(_by_azure, "data", _records),
    "Azure's input_data as a list": partial(_by_azure, "input_data", _records),
    "Azure's input_data as a table": partial(_by_azure, "input_data", _table),
    **TENSORS,
}
