"""A fake API server, objects as they are rendered, and certificates."""

import ssl
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cluster.doctor.permissions import plural
from cluster.doctor.rendered import Rendered
from serve_app.layout import lay_out

# What a cluster knows unless a test says otherwise: kinds by version, in a namespace or (with a star) in none.
KNOWN = {
    "v1": "Pod Secret ConfigMap Event ResourceQuota LimitRange PersistentVolumeClaim Namespace* Node*",
    "apps/v1": "Deployment",
    "authentication.k8s.io/v1": "SelfSubjectReview*",
    "authorization.k8s.io/v1": "SelfSubjectAccessReview*",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition*",
    "storage.k8s.io/v1": "StorageClass*",
    "gateway.networking.k8s.io/v1": "Gateway GatewayClass*",
    "cert-manager.io/v1": "Issuer ClusterIssuer*",
}


def known(kinds):
    """The kinds of one version, as an API server lists them."""
    return {
        "resources": [
            {"kind": kind.rstrip("*"), "name": plural(kind.rstrip("*")), "namespaced": not kind.endswith("*")}
            for kind in kinds.split()
        ]
    }


class FakeServer:
    """Answers from a table; what is not in it is missing.

    Values are objects, an error's (status, message), or functions of the request. A list is found at its own path.
    """

    def __init__(self, table):
        self.table = table

    def answer(self, method, path, query, body):
        key = path if method == "GET" else f"{method} {path}"
        value = self.table.get(key, (404, f"{path} not found"))
        if callable(value):
            value = value(SimpleNamespace(path=path, query=query, body=body))
        version = path.removeprefix("/apis/").removeprefix("/api/")
        if isinstance(value, tuple) and version in KNOWN:
            value = known(KNOWN[version])
        if isinstance(value, tuple):
            return value
        return 200, {"items": value} if isinstance(value, list) else value


@pytest.fixture
def fake_api(open_api):
    def make(table, *, client_certificate=None):
        api = open_api(FakeServer(table))
        api.client.configuration.cert_file = client_certificate
        return api

    return make


def container(image="registry.test/scoring:1", cpu="1", memory="2Gi", **more):
    resources = {"cpu": cpu, "memory": memory}
    return {"name": "ray", "image": image, "resources": {"requests": resources, "limits": resources}, **more}


def ray_service(args=None, *, head=None, workers=None, **cluster):
    """A RayService as small as can be, with one group of workers."""
    config = lay_out(args or {})
    worker = {
        "groupName": "cpu",
        "replicas": 1,
        "minReplicas": 1,
        "maxReplicas": 3,
        "template": {"spec": workers or {"containers": [container(cpu="2", memory="4Gi")]}},
    }
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": {"name": "scoring", "namespace": "scoring"},
        "spec": {
            "serveConfigV2": yaml.safe_dump(config),
            "rayClusterConfig": {
                "headGroupSpec": {"template": {"spec": head or {"containers": [container()]}}},
                "workerGroupSpecs": [worker],
                **cluster,
            },
        },
    }


@pytest.fixture
def build():
    """The functions above, as tests cannot import a conftest."""
    return SimpleNamespace(container=container, ray_service=ray_service, rendered=rendered, known=known)


def rendered(*objects):
    return Rendered("scoring", list(objects))


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def certify():
    """Make a certificate that is its own authority; returns PEM of it and of its key."""

    def make(*names, days=90.0, begins=-1.0):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=begins))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return _pem(builder.sign(key, hashes.SHA256())), secret

    return make


@pytest.fixture
def server_context(tmp_path):
    """A context for a TLS server of a certificate and its key; and the file of the certificate."""

    def make(pair):
        certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
        certificate.write_bytes(pair[0])
        key.write_bytes(pair[1])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context, str(certificate)

    return make
