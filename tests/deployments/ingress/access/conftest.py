import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from deployments.ingress.access.access_directory import AccessDirectory
from deployments.ingress.access.settings import AccessSettings, IssuerSettings

AUDIENCE = "api://scoring"


class Clock:
    """Seconds that grow when a test says so."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def directory(tmp_path):
    return AccessDirectory(tmp_path / "access")


@pytest.fixture
def issuers():
    """Settings of issuers; tests add theirs before they ask for a client."""
    return []


@pytest.fixture
def limits(limits, directory, issuers):
    limits["access"] = AccessSettings(required=True, directory=directory.path, issuers=issuers)
    return limits


@pytest.fixture(scope="session")
def rsa_keys():
    return [rsa.generate_private_key(65537, 2048) for _ in range(3)]


class Issuer:
    """An OpenID Connect issuer on the loopback address."""

    def __init__(self, rsa_keys):
        self.rsa_keys = rsa_keys
        self.keys = {"k0": rsa_keys[0]}
        self.paths = []
        self.status = 200
        self.discovery = {}
        self.extra_keys = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.paths.append(self.path)
                content = json.dumps(issuer.document(self.path)).encode()
                self.send_response(issuer.status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/tenant/v2.0"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def document(self, path):
        if path.endswith("openid-configuration"):
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.discovery}
        return {"keys": [*self.extra_keys, *(as_jwk(key_id, key) for key_id, key in self.keys.items())]}

    def settings(self, **given):
        return IssuerSettings(**{"name": "entra", "issuer": self.url, "audiences": [AUDIENCE], **given})

    def token(self, key=None, *, algorithm="RS256", kid="k0", **claims):
        now = time.time()
        said = {
            "iss": self.url,
            "aud": AUDIENCE,
            "exp": now + 600,
            "nbf": now - 10,
            "azp": "app-1",
            "roles": ["scoring.invoke"],
            **claims,
        }
        said = {name: value for name, value in said.items() if value is not None}
        headers = {"kid": kid} if kid is not None else {}
        return jwt.encode(said, key if key is not None else self.rsa_keys[0], algorithm=algorithm, headers=headers)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def as_jwk(key_id, key):
    public = key.public_key()
    kinds = {
        rsa.RSAPublicKey: RSAAlgorithm,
        ec.EllipticCurvePublicKey: ECAlgorithm,
        ed25519.Ed25519PublicKey: OKPAlgorithm,
    }
    algorithm = next(found for kind, found in kinds.items() if isinstance(public, kind))
    return {**json.loads(algorithm.to_jwk(public)), "kid": key_id, "use": "sig"}


@pytest.fixture
def issuer(rsa_keys, monkeypatch):
    # The loopback address is not behind a proxy, whatever the machine has.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Issuer(rsa_keys)
    yield running
    running.close()


@pytest.fixture
def ask(client):
    """Ask a question with a key or token; returns the response."""

    def ask(credential, path="/faq/score", **headers):
        sent = {"authorization": f"Bearer {credential}", **headers} if credential is not None else headers
        return client.post(path, json={"input": "x"}, headers=sent)

    return ask
