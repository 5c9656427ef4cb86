"""Asks a service by KServe's own client; runs in whichever environment has it: `python kserve_client.py URL IMAGE`."""

import asyncio
import base64
import json
import sys
from pathlib import Path

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

QUESTIONS = ["How do I serve on a different port than 8000?", "Which cheese goes with a lasagna for eleven guests?"]


def tensor(name, values, datatype="BYTES", *, binary):
    array = np.array(values, dtype=object if datatype == "BYTES" else np.uint8)
    tensor = InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


async def infer(client, url, model, tensor, *, parameters=None, outputs=None):
    request = InferRequest(model, [tensor], request_id="k-1", parameters=parameters, request_outputs=outputs)
    response = await client.infer(url, request, model_name=model)
    return {
        "id": response.id,
        **{output.name: output.as_numpy().astype(object).tolist() for output in response.outputs},
    }


def readable(value):
    return value.decode() if isinstance(value, bytes) else str(value)


async def main(url, content):
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    said = {
        "live": await client.is_server_live(url),
        "ready": await client.is_server_ready(url),
        "model_ready": await client.is_model_ready(url, "faq"),
    }
    top = {"top_k": 1}
    binary = {"top_k": 2, "binary_data_output": True}
    one = [RequestedOutput("ids", {"binary_data": True})]
    encoded = base64.b64encode(content).decode()
    pixels = np.zeros((2, 224, 224, 3), np.uint8)
    for name, model, given, options in (
        ("questions", "faq", tensor("question", QUESTIONS, binary=False), {"parameters": top}),
        ("binary questions", "faq", tensor("question", QUESTIONS, binary=True), {"parameters": binary}),
        ("one output", "faq", tensor("question", QUESTIONS, binary=True), {"parameters": top, "outputs": one}),
        ("image", "image", tensor("image", [encoded], binary=False), {}),
        ("binary image", "image", tensor("image", [content], binary=True), {"parameters": binary}),
        ("pixels", "image", tensor("pixels", pixels, "UINT8", binary=True), {"parameters": binary}),
    ):
        said[name] = await infer(client, url, model, given, **options)
    try:
        await infer(client, url, "faq", tensor("text", ["x"], binary=False))
    except Exception as error:  # noqa: BLE001 - what the client makes of a refusal
        said["refusal"] = str(error)
    print(json.dumps(said, default=readable))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes()))
