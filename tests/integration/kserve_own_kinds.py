"""Asks both sample kinds by KServe's clients: `python kserve_own_kinds.py URL ADDRESS`, as kserve_client.py."""

import asyncio
import json
import sys

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig


def tensor(name, values, datatype, *, binary):
    array = np.array(values, dtype=object if datatype == "BYTES" else np.float32)
    tensor = InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


async def asked(infer, *, binary):
    text = tensor("text", ["to be or not to be"], "BYTES", binary=binary)
    values = tensor("values", [[1, 2, 3]], "FP32", binary=binary)
    weights = tensor("weights", [[0.5, 0.25, 0.25]], "FP32", binary=binary)
    words = InferRequest("words", [text], parameters={"least": 2})
    response = await infer(words)
    # Bytes of JSON for a BYTES tensor.
    said = {"counts": [readable(each) for each in response.outputs[0].as_numpy().tolist()]}
    response = await infer(InferRequest("sums", [values, weights]))
    said |= {output.name: output.as_numpy().tolist() for output in response.outputs}
    try:
        await infer(InferRequest("words", [text], parameters={"least": 101}))
    except Exception as error:  # noqa: BLE001 - what the client makes of a refusal
        said["refusal"] = str(error)
    return said


def readable(value):
    return value.decode() if isinstance(value, bytes) else str(value)


async def main(url, address):
    http = InferenceRESTClient(RESTConfig(protocol="v2"))

    async def by_http(request):
        return await http.infer(url, request, model_name=request.model_name)

    said = {
        "HTTP": await asked(by_http, binary=False),
        "HTTP, binary": await asked(by_http, binary=True),
    }
    async with InferenceGRPCClient(address) as grpc:
        said["gRPC"] = await asked(grpc.infer, binary=False)
        said["gRPC, raw"] = await asked(grpc.infer, binary=True)
    print(json.dumps(said))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
