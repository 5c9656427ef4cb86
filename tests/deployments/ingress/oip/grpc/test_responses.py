from types import SimpleNamespace

import numpy as np

from deployments.codecs.tensors.outputs import OutputTensor, Wanted
from deployments.ingress.oip.grpc.protocol import ModelInferRequest
from deployments.ingress.oip.grpc.responses import response_of

TARGET = SimpleNamespace(model=SimpleNamespace(name="m"), version=SimpleNamespace(name="1"))
SCORED = SimpleNamespace(results=[], weights="trained")


def answered(**tensors):
    outputs = {name: lambda tensor=tensor: tensor for name, tensor in tensors.items()}
    work = SimpleNamespace(wanted=Wanted((), {}, all_binary=False), write=lambda results: outputs)
    return response_of(TARGET, ModelInferRequest(), work, SCORED)


def test_numbers_that_no_field_holds_make_all_outputs_raw():
    response = answered(half=OutputTensor("FP16", (2,), [0.5, 1.5]), whole=OutputTensor("INT64", (1,), [7]))
    assert not any(output.HasField("contents") for output in response.outputs)
    half, whole = response.raw_output_contents
    assert np.frombuffer(half, "<f2").tolist() == [0.5, 1.5]
    assert np.frombuffer(whole, "<i8").tolist() == [7]
