"""Which host, and which port of it, a URI leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

# Whether TLS is spoken from the first byte, and the port where none is named.
_SCHEMES = {
    "https": (True, 443),
    "http": (False, 80),
    "rediss": (True, 6379),
    "redis": (False, 6379),
    "grpc": (False, 4317),
    # TLS comes after a question in the database's own protocol.
    "postgresql": (False, 5432),
    "postgres": (False, 5432),
}
_IN_FILES = {"file", "unix"}
_AZURE = {"abfs", "abfss", "az", "adl"}
_GOOGLE = {"gs", "gcs"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a connection is made to."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class UnknownHost(Exception):
    """It cannot be told to which host a URI leads; the message is a clause that says what is missing."""


def endpoint_of(uri: str, environment: Mapping[str, str]) -> Endpoint | None:
    """Return what a URI leads to; None for a path or a file.

    Args:
        uri: a path, or a URI.
        environment: names hosts that URIs of object stores leave out.

    Raises:
        UnknownHost: it cannot be told.
    """
    if "://" not in uri:
        return None
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UnknownHost("it is no URI") from None
    if parts.scheme in _IN_FILES:
        return None
    if parts.scheme == "s3":
        return _s3(parts, environment)
    if parts.scheme in _AZURE:
        return _azure(parts, environment)
    if parts.scheme in _GOOGLE:
        return Endpoint("storage.googleapis.com", 443, tls=True)
    if parts.scheme not in _SCHEMES:
        raise UnknownHost(f"the scheme {parts.scheme}:// is not known")
    if not host:
        raise UnknownHost("it names no host")
    tls, usual = _SCHEMES[parts.scheme]
    return Endpoint(host, usual if port is None else _positive(port), tls)


def _positive(port: int) -> int:
    if port == 0:
        raise UnknownHost("it names port 0")
    return port


def _s3(parts: SplitResult, environment: Mapping[str, str]) -> Endpoint:
    own = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    if own and (endpoint := endpoint_of(own, {})):
        return endpoint
    if not parts.netloc:
        raise UnknownHost("it names no bucket")
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    service = f"s3.{region}.amazonaws.com" if region else "s3.amazonaws.com"
    # Certificates hold one name before the service's; buckets with a dot go into the path.
    return Endpoint(service if "." in parts.netloc else f"{parts.netloc}.{service}", 443, tls=True)


def _azure(parts: SplitResult, environment: Mapping[str, str]) -> Endpoint:
    """Either container@account.dfs.core.windows.net, or a container of the account that the environment names."""
    if parts.username and parts.hostname and "." in parts.hostname:
        return Endpoint(parts.hostname, 443, tls=True)
    account = environment.get("AZURE_STORAGE_ACCOUNT_NAME")
    if not account:
        raise UnknownHost("its account is not known: name it in AZURE_STORAGE_ACCOUNT_NAME or in the URI")
    # adlfs speaks to the blob service, of hierarchical accounts too.
    return Endpoint(f"{account}.blob.core.windows.net", 443, tls=True)
