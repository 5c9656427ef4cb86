"""The service over gRPC as clients reach it, without Ray: its handlers on a server of their own."""

from dataclasses import dataclass

import grpc
import pytest

from deployments.faq_matcher.protocols.interface import INTERFACE as FAQ
from deployments.image_classifier.protocols.interface import INTERFACE as IMAGE_CLASSES
from deployments.ingress.access.settings import AccessSettings
from deployments.ingress.door import Door
from deployments.ingress.oip.grpc.methods import InferenceMethods
from deployments.ingress.oip.grpc.protocol import SERVICE, message
from deployments.ingress.oip.grpc.registration import add_service
from deployments.ingress.oip.grpc.service import InferenceService
from deployments.ingress.quotas.settings import QuotaSettings
from deployments.ingress.routing.table import Model, ModelTable, Version

# What is not about access asks for no key.
OPEN = AccessSettings(required=False)


class Context:
    """What Ray hands to a method: the call's metadata, and a place for its status."""

    def __init__(self, metadata):
        self.metadata = metadata
        self.code, self.details, self.trailing = None, "", ()

    def invocation_metadata(self):
        return self.metadata

    def set_code(self, code):
        self.code = code

    def set_details(self, details):
        self.details = details

    def set_trailing_metadata(self, trailing):
        self.trailing = tuple(trailing)


class RaysPart:
    """Registers handlers that call a method of a deployment, as Ray Serve does."""

    def __init__(self, server, deployment):
        self._server = server
        self._deployment = deployment

    def add_generic_rpc_handlers(self, handlers):
        (ours,) = handlers
        ours._method_handlers = {
            path: handler._replace(stream_unary=self._calling(path.rpartition("/")[2]))
            for path, handler in ours._method_handlers.items()
        }
        self._server.add_generic_rpc_handlers(handlers)

    def _calling(self, method):
        async def call(requests, context):
            seen = Context(context.invocation_metadata())
            response = await getattr(self._deployment, method)(requests, grpc_context=seen)
            context.set_trailing_metadata(seen.trailing)
            if seen.code:
                context.set_code(seen.code)
                context.set_details(seen.details)
            return response.SerializeToString()

        return call


@dataclass
class Answer:
    """What a client gets."""

    code: grpc.StatusCode
    details: str
    trailing: dict
    response: object = None


class Client:
    """Calls methods by their names, with the bytes of a message or with its fields."""

    def __init__(self, channel):
        self.channel = channel

    def start(self, method, content=b"", *, metadata=(), timeout=30, **fields):
        if fields:
            content = message(f"{method}Request")(**fields).SerializeToString()
        return self.channel.unary_unary(f"/{SERVICE}/{method}")(content, metadata=metadata, timeout=timeout)

    async def __call__(self, method, content=b"", **options):
        call = self.start(method, content, **options)
        code, details = await call.code(), await call.details()
        trailing = dict(await call.trailing_metadata())
        if code is not grpc.StatusCode.OK:
            return Answer(code, details, trailing)
        return Answer(code, details, trailing, message(f"{method}Response").FromString(await call))


@pytest.fixture
def door(limits):
    return Door(lambda: limits["settings"].model_copy(update={"access": limits.get("access", OPEN)}))


@pytest.fixture
def bounded(door):
    return door.bounded


@pytest.fixture
def replica(faq, image, explainer, door):
    table = ModelTable(
        [
            Model("faq", FAQ, {"1": Version("1", faq), "2": Version("2", faq)}),
            Model("image", IMAGE_CLASSES, {"1": Version("1", image, explainer)}),
        ]
    )

    methods = InferenceMethods()
    methods.inference = InferenceService(table, door)
    return methods


@pytest.fixture
async def call(replica):
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    add_service(None, RaysPart(server, replica))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Client(channel)
    await server.stop(None)


@pytest.fixture
def client_quotas(limits):
    """Give every client limits."""

    def give(**default):
        quotas = QuotaSettings.model_validate({"default": default})
        limits["settings"] = limits["settings"].model_copy(update={"quotas": quotas})

    return give
