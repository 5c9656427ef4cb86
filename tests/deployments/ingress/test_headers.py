from starlette.requests import Request

from deployments.ingress.headers import header


def request(*headers):
    return Request({"type": "http", "headers": list(headers)})


def test_the_first_of_a_name_counts():
    both = request((b"accept", b"a"), (b"x-one", b"1"), (b"accept", b"b"))
    assert [header(both, name) for name in ("accept", "x-one", "accept")] == ["a", "1", "a"]


def test_an_empty_one_is_not_an_absent_one():
    assert header(request((b"x-empty", b"")), "x-empty") == ""
    assert header(request(), "x-empty") is None


def test_any_byte_can_be_read():
    assert header(request((b"x-odd", b"\xe9\xff")), "x-odd") == "\xe9\xff"
