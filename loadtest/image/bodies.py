"""Images as bodies of requests, for each protocol that the service speaks."""

from __future__ import annotations

import base64
import json

from loadtest.generator.bodies import inference_request, json_request
from loadtest.generator.plan import Request
from loadtest.payloads import TOP_K, Payload

_BOUNDARY = "ray-scoring-loadtest"


def image_json_request(path: str, payload: Payload) -> Request:
    """Return a request as the reference application's clients send images."""
    return json_request(path, {"input": {"image": _text(payload)}, "top_k": TOP_K})


def image_form_request(path: str, payload: Payload) -> Request:
    """Return a request as an HTML form with a file sends it."""
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="image"\r\n'
        f"Content-Type: {payload.content_type}\r\n\r\n"
    )
    body = head.encode() + payload.content + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return Request(path=path, headers={"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}, body=body)


def azure_image_request(path: str, payload: Payload) -> Request:
    """Return a request as clients of Azure Machine Learning send images."""
    return json_request(path, {"data": [_text(payload)], "top_k": TOP_K})


def inference_image_request(path: str, payload: Payload) -> Request:
    """Return a request of the Open Inference Protocol with an image in its JSON."""
    return inference_request(path, "image", _text(payload))


def binary_inference_request(path: str, payload: Payload) -> Request:
    """Return a request of the Open Inference Protocol with an image behind its JSON (binary tensor data)."""
    tensor = len(payload.content).to_bytes(4, "little") + payload.content
    parameters = {"binary_data_size": len(tensor)}
    tensors = [{"name": "image", "shape": [1], "datatype": "BYTES", "parameters": parameters}]
    head = json.dumps({"inputs": tensors, "parameters": {"top_k": TOP_K}}).encode()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    return Request(path=path, headers=headers, body=head + tensor)


def _text(payload: Payload) -> str:
    return base64.b64encode(payload.content).decode()
