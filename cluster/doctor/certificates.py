"""Certificates that are files or Secrets: how long they hold, for which names, and whether the key is theirs."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.doctor.connections import SOON_DAYS
from cluster.doctor.findings import Check, Finding, Stage, failed, ok, skipped, warning
from cluster.doctor.rendered import Json, Rendered
from cluster.kubernetes.api import Api
from cluster.kubernetes.errors import NotPermitted
from cluster.kubernetes.kinds import Kind

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


def checks(api: Api, rendered: Rendered) -> list[Check]:
    """Return the checks of the user's own certificate and of those that the service shows."""
    found = [_check_client(api.server.client_certificate)] if api.server.client_certificate else []
    made = {each["spec"]["secretName"] for each in rendered.of_kind("Certificate")}
    shown = {(name, host) for name, host in _shown(rendered) if name not in made}
    return found + [_check_shown(api, rendered.namespace, name, host) for name, host in sorted(shown)]


def _shown(rendered: Rendered) -> Iterator[tuple[str, str]]:
    """Yield Secrets of certificates, with a host that each is shown for (or an empty text)."""
    for each in rendered.of_kind("Gateway"):
        for listener in each["spec"].get("listeners") or []:
            for secret in (listener.get("tls") or {}).get("certificateRefs") or []:
                yield secret["name"], listener.get("hostname", "")
    for each in rendered.of_kind("Ingress"):
        for tls in each["spec"].get("tls") or []:
            for host in tls.get("hosts") or [""]:
                if tls.get("secretName"):
                    yield tls["secretName"], host


def _check_client(path: str) -> Check:
    def run() -> Finding:
        finding = of_certificate(Path(path).read_bytes(), None, "")
        return Finding(finding.outcome, f"your own certificate {finding.message}", finding.advice)

    return Check("credentials", Stage.CREATE, run, needs_api=False)


def _check_shown(api: Api, namespace: str, name: str, host: str) -> Check:
    def run() -> Finding:
        try:
            secret = api.get(Kind.SECRET, name, namespace)
        except NotPermitted:
            return skipped(f"you may not read the Secret {name}")
        if secret is None:
            return skipped(f"the Secret {name} is not there")
        finding = of_certificate(_decoded(secret, "tls.crt"), _decoded(secret, "tls.key"), host)
        return Finding(finding.outcome, f"the certificate in {name} {finding.message}", finding.advice)

    return Check(f"certificate {host or name}", Stage.SERVE, run)


def _decoded(secret: Json, key: str) -> bytes:
    return base64.b64decode((secret.get("data") or {}).get(key, ""))


def of_certificate(certificate: bytes, key: bytes | None, host: str) -> Finding:
    """Judge a certificate.

    Args:
        certificate: in PEM; the first counts.
        key: the private key in PEM, if there should be one.
        host: that it must be for; any if empty.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificates

    try:
        first = load_pem_x509_certificates(certificate)[0]
        secret = None if key is None else load_pem_private_key(key, None)
    except (ValueError, TypeError, IndexError):
        return failed("or its key cannot be read", "Put both in as PEM, the key without a password.")
    if secret is not None and secret.public_key() != first.public_key():
        return failed("does not belong to its key", "Put in the key that it was made for.")
    if host and not any(_matches(name, host) for name in names_of(first)):
        return failed(f"is not for {host} but for {', '.join(names_of(first)) or 'no host'}", f"Get one for {host}.")
    return _of_time(first, f" and is for {host}" if host else "")


def _of_time(certificate: Certificate, what_else: str) -> Finding:
    now, begins, ends = datetime.now(UTC), certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > ends:
        return failed(f"ended on {ends:%Y-%m-%d}", "Have it renewed.")
    if now < begins:
        return failed(f"begins only on {begins:%Y-%m-%d}", "Check it, and this machine's clock.")
    days = (ends - now).days
    if days < SOON_DAYS:
        return warning(f"ends in {days} days", "Have it renewed.")
    return ok(f"holds for {days} days{what_else}")


def names_of(certificate: Certificate) -> list[str]:
    """Return the hosts that a certificate is for."""
    from cryptography.x509 import DNSName, ExtensionNotFound, SubjectAlternativeName

    try:
        extension = certificate.extensions.get_extension_for_class(SubjectAlternativeName)
    except ExtensionNotFound:
        return []
    return extension.value.get_values_for_type(DNSName)


def _matches(name: str, host: str) -> bool:
    """A star stands for one label, the first."""
    name, host = name.lower(), host.lower()
    return name == host or (name.startswith("*.") and host.partition(".")[2] == name[2:])
