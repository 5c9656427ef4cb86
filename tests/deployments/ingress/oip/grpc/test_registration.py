import pytest
from grpc import StatusCode

from deployments.ingress.oip.grpc import ONLY_LOOPBACK
from deployments.ingress.oip.grpc.registration import Introduced, is_loopback


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("ipv4:127.0.0.1:4711", True),
        ("ipv4:127.8.9.1:4711", True),
        ("ipv6:%5B::1%5D:4711", True),
        ("ipv6:[::1]:4711", True),
        ("unix:/run/scoring.sock", True),
        ("unix:", True),
        ("ipv4:192.0.2.7:4711", False),
        ("ipv6:%5B2001:db8::1%5D:4711", False),
        ("ipv6:[fe80::1%25eth0]:4711", False),
        ("127.0.0.1", False),
        ("", False),
    ],
)
def test_peers_on_this_machine(peer, expected):
    assert is_loopback(peer) is expected


async def test_where_only_this_machine_may_come_it_does(call, monkeypatch):
    monkeypatch.setenv(ONLY_LOOPBACK, "1")
    assert (await call("ServerLive")).code is StatusCode.OK


async def test_where_only_this_machine_may_come_nobody_else_does(call, monkeypatch):
    monkeypatch.setenv(ONLY_LOOPBACK, "1")
    monkeypatch.setattr("deployments.ingress.oip.grpc.registration.is_loopback", lambda peer: peer == "")
    answer = await call("ServerLive")
    assert (answer.code, answer.details) == (
        StatusCode.PERMISSION_DENIED,
        "This service answers only to its own machine.",
    )
    monkeypatch.delenv(ONLY_LOOPBACK)
    assert (await call("ServerLive")).code is StatusCode.OK


class Context:
    def __init__(self, metadata, left=None):
        self.metadata, self.left = metadata, left

    def invocation_metadata(self):
        return self.metadata

    def time_remaining(self):
        return self.left

    def peer(self):
        return "somebody"


def test_a_call_is_introduced_with_what_is_the_services_own(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 100.0)
    sent = (("request_id", "a b"), ("scoring-deadline", "9"), ("x-api-key", "k"))
    introduced = Introduced(Context(sent, left=1.5))
    metadata = dict(introduced.invocation_metadata())
    assert metadata == {"x-api-key": "k", "request_id": introduced.request_id, "scoring-deadline": "101.5"}
    assert len(introduced.request_id) == 36
    assert introduced.peer() == "somebody"
    assert "scoring-deadline" not in dict(Introduced(Context(sent)).invocation_metadata())
