import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.ingress.oip.grpc import protocol
from deployments.ingress.oip.grpc.protocol import METHODS, ModelInferRequest, message

REPOSITORY = Path(__file__).parents[5]


def test_the_descriptors_are_those_of_the_proto_file(tmp_path):
    pytest.importorskip("grpc_tools", reason="needs the package grpcio-tools, which compiles .proto files")
    written = tmp_path / "written.binpb"
    environment = {**os.environ, "PYTHON": sys.executable}
    subprocess.run([REPOSITORY / "scripts" / "protocol", written], env=environment, check=True, timeout=60)
    assert Path(protocol.__file__).with_name("open_inference.binpb").read_bytes() == written.read_bytes()


def test_the_methods_are_those_of_the_protocol():
    assert set(METHODS) == {
        "ServerLive", "ServerReady", "ServerMetadata", "ModelReady", "ModelMetadata", "ModelInfer",
    }  # fmt: skip


def fields_of(descriptor):
    kinds = {field.name: (field.number, field.type, field.is_repeated) for field in descriptor.fields}
    nested = {each.name: fields_of(each) for each in descriptor.nested_types}
    return kinds | nested


@pytest.mark.parametrize("end", ["Request", "Response"])
@pytest.mark.parametrize("method", METHODS)
def test_messages_are_those_of_tritons_client(method, end):
    service_pb2 = pytest.importorskip("tritonclient.grpc.service_pb2", reason="needs tritonclient and grpcio")
    theirs = service_pb2.DESCRIPTOR.message_types_by_name[f"{method}{end}"]
    assert fields_of(message(f"{method}{end}").DESCRIPTOR) == fields_of(theirs)


@pytest.mark.parametrize("name", ["InferParameter", "InferTensorContents"])
def test_parts_of_messages_are_those_of_tritons_client(name):
    service_pb2 = pytest.importorskip("tritonclient.grpc.service_pb2", reason="needs tritonclient and grpcio")
    theirs = service_pb2.DESCRIPTOR.message_types_by_name[name]
    assert fields_of(message(name).DESCRIPTOR) == fields_of(theirs)


def test_both_packages_of_messages_live_in_one_process():
    service_pb2 = pytest.importorskip("tritonclient.grpc.service_pb2", reason="needs tritonclient and grpcio")
    theirs = service_pb2.ModelInferRequest(model_name="faq", raw_input_contents=[b"x"])
    ours = ModelInferRequest.FromString(theirs.SerializeToString())
    assert (ours.model_name, list(ours.raw_input_contents)) == ("faq", [b"x"])
