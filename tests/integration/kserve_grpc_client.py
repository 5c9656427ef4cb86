"""Asks a service by KServe's own gRPC client: `python kserve_grpc_client.py ADDRESS KEY IMAGE`, as kserve_client.py."""

import asyncio
import json
import sys
from pathlib import Path

import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest

QUESTIONS = ["How do I serve on a different port than 8000?", "Which cheese goes with a lasagna for eleven guests?"]


def tensor(name, values, datatype="BYTES", *, binary):
    array = np.array(values, dtype=object if datatype == "BYTES" else np.uint8)
    tensor = InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


def readable(value):
    return value.decode() if isinstance(value, bytes) else str(value)


async def main(address, key, content):
    headers = (("x-api-key", key),)
    pixels = np.zeros((2, 224, 224, 3), np.uint8)
    async with InferenceGRPCClient(address) as client:
        said = {
            "live": await client.is_server_live(),
            "ready": await client.is_server_ready(),
            "model_ready": await client.is_model_ready("faq", headers=headers),
        }
        for name, model, given in (
            ("questions", "faq", tensor("question", QUESTIONS, binary=False)),
            ("raw questions", "faq", tensor("question", QUESTIONS, binary=True)),
            ("raw image", "image", tensor("image", [content], binary=True)),
            ("pixels", "image", tensor("pixels", pixels, "UINT8", binary=False)),
            ("raw pixels", "image", tensor("pixels", pixels, "UINT8", binary=True)),
        ):
            request = InferRequest(model, [given], request_id="k-1", parameters={"top_k": 2})
            response = await client.infer(request, headers=headers)
            said[name] = {
                "id": response.id,
                **{output.name: output.as_numpy().astype(object).tolist() for output in response.outputs},
            }
    print(json.dumps(said, default=readable))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_bytes()))
