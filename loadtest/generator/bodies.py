"""Bodies of requests that several kinds of models take."""

from __future__ import annotations

import json
from typing import Any

from loadtest.generator.plan import Request
from loadtest.payloads import TOP_K, Payload

JSON = {"Content-Type": "application/json"}


def json_request(path: str, content: dict[str, Any]) -> Request:
    """Return a POST request with a JSON body."""
    return Request(path=path, headers=JSON, body=json.dumps(content, ensure_ascii=False).encode())


def raw_request(path: str, payload: Payload) -> Request:
    """Return a POST request whose body is the payload as it is."""
    return Request(path=path, headers={"Content-Type": payload.content_type}, body=payload.content)


def inference_request(path: str, tensor: str, value: str) -> Request:
    """Return a request of the Open Inference Protocol with one tensor of one text, or of one file in base64."""
    tensors = [{"name": tensor, "shape": [1], "datatype": "BYTES", "data": [value]}]
    return json_request(path, {"inputs": tensors, "parameters": {"top_k": TOP_K}})
