from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.doctor.endpoints import Endpoint, UnknownHost, endpoint_of


@pytest.mark.parametrize(
    ("uri", "endpoint"),
    [
        ("https://weights.test/a.pth?sig=1", Endpoint("weights.test", 443, tls=True)),
        ("http://weights.test:8080/a", Endpoint("weights.test", 8080, tls=False)),
        ("https://user:secret@weights.test/a", Endpoint("weights.test", 443, tls=True)),
        ("https://[2001:db8::1]:8443/a", Endpoint("2001:db8::1", 8443, tls=True)),
        ("redis://:password@redis.test/0", Endpoint("redis.test", 6379, tls=False)),
        ("rediss://redis.test:6380", Endpoint("redis.test", 6380, tls=True)),
        ("s3://models/a.pth", Endpoint("models.s3.amazonaws.com", 443, tls=True)),
        ("s3://models.of.ours/a.pth", Endpoint("s3.amazonaws.com", 443, tls=True)),
        ("abfss://models@mine.dfs.core.windows.net/a", Endpoint("mine.dfs.core.windows.net", 443, tls=True)),
        ("gs://models/a", Endpoint("storage.googleapis.com", 443, tls=True)),
        ("/models/a.pth", None),
        ("file:///models/a.pth", None),
        ("unix:///run/redis.sock", None),
    ],
)
def test_where_uris_lead(uri, endpoint):
    assert endpoint_of(uri, {}) == endpoint


def test_the_environment_says_what_uris_of_object_stores_leave_out():
    minio = {"AWS_ENDPOINT_URL": "http://minio.store.svc:9000"}
    assert endpoint_of("s3://models/a", minio) == Endpoint("minio.store.svc", 9000, tls=False)
    assert str(endpoint_of("s3://models/a", {"AWS_REGION": "eu-west-1"})) == "models.s3.eu-west-1.amazonaws.com:443"
    account = {"AZURE_STORAGE_ACCOUNT_NAME": "mine"}
    assert str(endpoint_of("abfs://models/a", account)) == "mine.blob.core.windows.net:443"


@pytest.mark.parametrize(
    "uri", ["abfs://models/a", "s3:///a", "https:///a", "https://h:0/", "https://h:99999/", "gopher://h/", "http://["]
)
def test_what_cannot_be_told_says_why(uri):
    with pytest.raises(UnknownHost, match=r"."):
        endpoint_of(uri, {})


@given(
    st.sampled_from(["http", "https", "redis", "rediss"]),
    st.from_regex(r"[a-z][a-z0-9-]{0,10}(\.[a-z0-9]{1,6}){0,3}", fullmatch=True),
    st.none() | st.integers(1, 65535),
    st.from_regex(r"(/[a-z0-9]{0,5}){0,3}", fullmatch=True),
)
def test_host_and_port_come_out_as_they_went_in(scheme, host, port, path):
    endpoint = endpoint_of(f"{scheme}://{host}{'' if port is None else f':{port}'}{path}", {})
    usual = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379}[scheme]
    assert endpoint == Endpoint(host, port or usual, tls=scheme in {"https", "rediss"})


@given(st.text(max_size=60) | st.text(max_size=40).map(lambda text: f"https://{text}"))
def test_any_text_leads_somewhere_or_nowhere(uri):
    with suppress(UnknownHost):
        endpoint = endpoint_of(uri, {})
        assert endpoint is None or (endpoint.host and 0 < endpoint.port < 65536)
