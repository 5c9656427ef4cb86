"""The way in from outside: HTTPS ends here, and plain HTTP is sent to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.manifests.names import metadata, serve_service
from deployments.errors import StartupError

if TYPE_CHECKING:
    from cluster.manifests.application import Application
    from cluster.manifests.settings import GatewaySettings
    from cluster.settings import ClusterSettings

GATEWAY_API = "gateway.networking.k8s.io/v1"
HTTP_PORT, HTTPS_PORT = 80, 443
# The service answers 408 itself when a request takes too long; the way in must not be faster.
MARGIN_SECONDS = 10


def gateway_objects(settings: ClusterSettings, application: Application) -> list[dict[str, Any]]:
    """Return the certificate's order, if cert-manager gets it, and the Gateway with its routes or the Ingress.

    Raises:
        StartupError: requests would pass an incremental upgrade by.
    """
    gateway = settings.gateway
    if gateway is None:
        return []
    if settings.upgrade.strategy == "incremental" and gateway.backend is None:
        raise StartupError(
            "With upgrade.strategy incremental, KubeRay's own Gateway shares out requests: name the Service that its "
            "class makes for it in gateway.backend."
        )
    found = [_certificate(settings, gateway)] if gateway.certificate.issuer else []
    if gateway.kind == "ingress":
        return [*found, _ingress(settings, gateway, application)]
    return [*found, _gateway(settings, gateway), _redirect(settings, gateway), _route(settings, gateway, application)]


def _secret(settings: ClusterSettings, gateway: GatewaySettings) -> str:
    return gateway.certificate.secret or f"{settings.name}-tls"


def _backend_port(gateway: GatewaySettings, application: Application) -> int:
    return gateway.backend_port or (HTTP_PORT if gateway.backend else application.port)


def _seconds(application: Application) -> int:
    return round(application.settings.ingress.request_timeout_seconds) + MARGIN_SECONDS


def _certificate(settings: ClusterSettings, gateway: GatewaySettings) -> dict[str, Any]:
    certificate = gateway.certificate
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": metadata(settings, f"{settings.name}-tls"),
        "spec": {
            "secretName": _secret(settings, gateway),
            "dnsNames": [gateway.host],
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "issuerRef": {"name": certificate.issuer, "kind": certificate.issuer_kind, "group": "cert-manager.io"},
        },
    }


def _gateway(settings: ClusterSettings, gateway: GatewaySettings) -> dict[str, Any]:
    routes = {"namespaces": {"from": "Same"}}
    certificate = {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": _secret(settings, gateway)}]}
    shared = {"hostname": gateway.host, "allowedRoutes": routes}
    return {
        "apiVersion": GATEWAY_API,
        "kind": "Gateway",
        # KubeRay has the name of the service and -gateway for its own.
        "metadata": metadata(settings, f"{settings.name}-entrance", annotations=gateway.annotations),
        "spec": {
            "gatewayClassName": gateway.class_name,
            "listeners": [
                {"name": "http", "port": HTTP_PORT, "protocol": "HTTP", **shared},
                {"name": "https", "port": HTTPS_PORT, "protocol": "HTTPS", "tls": certificate, **shared},
            ],
        },
    }


def _http_route(
    settings: ClusterSettings, gateway: GatewaySettings, listener: str, rule: dict[str, Any]
) -> dict[str, Any]:
    return {
        "apiVersion": GATEWAY_API,
        "kind": "HTTPRoute",
        "metadata": metadata(settings, f"{settings.name}-{listener}"),
        "spec": {
            "parentRefs": [{"name": f"{settings.name}-entrance", "sectionName": listener}],
            "hostnames": [gateway.host],
            "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], **rule}],
        },
    }


def _redirect(settings: ClusterSettings, gateway: GatewaySettings) -> dict[str, Any]:
    redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}
    return _http_route(settings, gateway, "http", {"filters": [redirect]})


def _route(settings: ClusterSettings, gateway: GatewaySettings, application: Application) -> dict[str, Any]:
    backend = {"name": gateway.backend or serve_service(settings), "port": _backend_port(gateway, application)}
    rule = {"backendRefs": [backend], "timeouts": {"request": f"{_seconds(application)}s"}}
    return _http_route(settings, gateway, "https", rule)


def _ingress(settings: ClusterSettings, gateway: GatewaySettings, application: Application) -> dict[str, Any]:
    service = {
        "name": gateway.backend or serve_service(settings),
        "port": {"number": _backend_port(gateway, application)},
    }
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": service}}
    annotations = {**_nginx(application), **gateway.annotations}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(settings, settings.name, annotations=annotations),
        "spec": {
            "ingressClassName": gateway.class_name,
            "tls": [{"hosts": [gateway.host], "secretName": _secret(settings, gateway)}],
            "rules": [{"host": gateway.host, "http": {"paths": [path]}}],
        },
    }


def _nginx(application: Application) -> dict[str, str]:
    """Return what NGINX's controllers need, AKS's add-on among them; others have annotations of their own."""
    prefix = "nginx.ingress.kubernetes.io"
    seconds = str(_seconds(application))
    return {
        f"{prefix}/force-ssl-redirect": "true",
        f"{prefix}/proxy-body-size": f"{application.settings.ingress.max_body_mb}m",
        # The service refuses bodies while they arrive; kept back here they would only be copied.
        f"{prefix}/proxy-request-buffering": "off",
        f"{prefix}/proxy-read-timeout": seconds,
        f"{prefix}/proxy-send-timeout": seconds,
    }
