"""Every way to ask a model for inference, in one form: rows of inputs by name go in, rows of outputs come out.

Rows of a model with one input or output are its values; those of several are objects.
"""

import json
from functools import partial

import grpc
import numpy as np
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

from deployments.codecs.tensors.binary import pack_elements, split, unpack_elements
from deployments.ingress.oip.grpc.protocol import SERVICE, message

DTYPES = {"FP32": "<f4", "FP64": "<f8", "INT64": "<i8", "BYTES": object}
CONTENTS = {"FP32": "fp32_contents", "FP64": "fp64_contents", "INT64": "int64_contents", "BYTES": "bytes_contents"}
LENGTH = "inference-header-content-length"


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


def _by_reference(service, model, inputs, datatype, parameters):
    result, computed = post(service, f"/{model}/score", json={"input": _alone(inputs), **parameters}).json()["result"]
    assert computed.startswith("Computed in ")
    return result


def _by_azure(member, form, service, model, inputs, datatype, parameters):
    response = post(service, f"/api/v1/service/{model}/score", json={member: form(inputs), **parameters})
    assert response.headers["azureml-model-deployment"] == "1"
    return response.json()["result"]


def _by_json_tensors(service, model, inputs, datatype, parameters):
    tensors = [
        {"name": name, "shape": np.shape(values), "datatype": datatype, "data": values}
        for name, values in inputs.items()
    ]
    body = {"id": "own", "inputs": tensors, "parameters": parameters}
    answer = post(service, f"/v2/models/{model}/infer", json=body).json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == (model, "1", "own")
    return _rows({each["name"]: np.array(each["data"], DTYPES[each["datatype"]]) for each in answer["outputs"]})


def _by_binary_tensors(service, model, inputs, datatype, parameters):
    contents = {name: _packed(datatype, values) for name, values in inputs.items()}
    tensors = [
        {
            "name": name,
            "shape": np.shape(values),
            "datatype": datatype,
            "parameters": {"binary_data_size": len(contents[name])},
        }
        for name, values in inputs.items()
    ]
    header = json.dumps({"inputs": tensors, "parameters": {**parameters, "binary_data_output": True}}).encode()
    headers = {LENGTH: str(len(header)), "content-type": "application/octet-stream"}
    content = b"".join([header, *contents.values()])
    response = post(service, f"/v2/models/{model}/versions/1/infer", content=content, headers=headers)
    told, binary = split(response.content, response.headers[LENGTH])
    outputs = {}
    for each in json.loads(told)["outputs"]:
        size = each["parameters"]["binary_data_size"]
        outputs[each["name"]] = _unpacked(each["datatype"], each["shape"], binary[:size])
        binary = binary[size:]
    assert not binary
    return _rows(outputs)


def _by_typed_grpc(service, model, inputs, datatype, parameters):
    tensors = [
        {"name": name, "shape": np.shape(values), "datatype": datatype, "contents": _contents(datatype, values)}
        for name, values in inputs.items()
    ]
    response = _call(service, model, parameters, inputs=tensors)
    assert not response.raw_output_contents
    return _rows(
        {
            each.name: np.array(getattr(each.contents, CONTENTS[each.datatype]), DTYPES[each.datatype])
            for each in response.outputs
        }
    )


def _by_raw_grpc(service, model, inputs, datatype, parameters):
    tensors = [{"name": name, "shape": np.shape(values), "datatype": datatype} for name, values in inputs.items()]
    raw = [_packed(datatype, values) for values in inputs.values()]
    response = _call(service, model, parameters, inputs=tensors, raw_input_contents=raw)
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
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error
            raise Refused(error.details()) from None
    response = message("ModelInferResponse").FromString(content)
    assert (response.model_name, response.model_version, response.id) == (model, "1", "own")
    return response


def _by_triton(client_module, address, service, model, inputs, datatype, parameters):
    tensors = []
    for name, values in inputs.items():
        tensor = client_module.InferInput(name, np.shape(values), datatype)
        tensor.set_data_from_numpy(np.array(values, DTYPES[datatype]))
        tensors.append(tensor)
    with client_module.InferenceServerClient(address(service)) as client:
        try:
            result = client.infer(model, tensors, parameters=parameters)
        except InferenceServerException as error:
            assert error.status() in {"400", "422", "StatusCode.INVALID_ARGUMENT"}
            raise Refused(error.message()) from None
        names = [each["name"] for each in client.get_model_metadata(model, **_as_json(client_module))["outputs"]]
    return _rows({name: result.as_numpy(name) for name in names})


def _as_json(client_module):
    return {"as_json": True} if client_module is tritonclient.grpc else {}


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
    "Triton's client": partial(_by_triton, tritonclient.http, lambda service: f"127.0.0.1:{service.port}"),
    "Triton's gRPC client": partial(_by_triton, tritonclient.grpc, lambda service: service.grpc),
}
WAYS = {
    "the references' JSON": _by_reference,
    "Azure's data": partial(_by_azure, "data", _records),
    "Azure's input_data as a list": partial(_by_azure, "input_data", _records),
    "Azure's input_data as a table": partial(_by_azure, "input_data", _table),
    **TENSORS,
}
