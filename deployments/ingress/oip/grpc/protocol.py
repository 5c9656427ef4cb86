"""The protocol's messages, in a pool of descriptors of their own.

Clients of Triton and KServe bring descriptors of the same names, which one pool cannot hold twice; a process may have
both so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

SERVICE = "inference.GRPCInferenceService"

# A message, or the class of one: descriptors make them when the program runs.
Message = Any

_POOL = DescriptorPool()
for _file in FileDescriptorSet.FromString(Path(__file__).with_name("open_inference.binpb").read_bytes()).file:
    _POOL.Add(_file)

METHODS: tuple[str, ...] = tuple(method.name for method in _POOL.FindServiceByName(SERVICE).methods)


def message(name: str) -> Message:
    """Return the class of a message by its name."""
    return GetMessageClass(_POOL.FindMessageTypeByName(f"inference.{name}"))


ServerLiveRequest, ServerLiveResponse = message("ServerLiveRequest"), message("ServerLiveResponse")
ServerReadyRequest, ServerReadyResponse = message("ServerReadyRequest"), message("ServerReadyResponse")
ServerMetadataRequest, ServerMetadataResponse = message("ServerMetadataRequest"), message("ServerMetadataResponse")
ModelReadyRequest, ModelReadyResponse = message("ModelReadyRequest"), message("ModelReadyResponse")
ModelMetadataRequest, ModelMetadataResponse = message("ModelMetadataRequest"), message("ModelMetadataResponse")
ModelInferRequest, ModelInferResponse = message("ModelInferRequest"), message("ModelInferResponse")
