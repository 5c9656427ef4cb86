"""What `scoring serve` says about keys."""

from __future__ import annotations

from pathlib import Path

from deployments.ingress.access.settings import AccessSettings
from serve_app.fast_mode import is_of_this_machine
from serve_app.settings import ServiceSettings


def notice(settings: ServiceSettings, host: str) -> list[str]:
    """Return sentences about who may send requests; none where that goes without saying."""
    access = settings.ingress_settings().access
    if not access.is_required:
        return [] if is_of_this_machine(host) else [_open_to_others(host)]
    return [_how_many(access)]


def _open_to_others(host: str) -> str:
    return (
        f"Warning: whoever can reach {host} may send requests, since they need no key; "
        "`ingress: {access: {required: true}}` in the settings asks for one."
    )


def _how_many(access: AccessSettings) -> str:
    from deployments.ingress.access.access_directory import AccessDirectory

    place = access.place
    clients = AccessDirectory(place).read().clients
    if clients:
        have = "1 client has" if len(clients) == 1 else f"{len(clients)} clients have"
        return f"Requests need a key or a token; {have} keys."
    if access.issuers:
        issuers = " or ".join(each.issuer for each in access.issuers)
        return f"Requests need a token of {issuers}, or a key: {_create(place)}"
    return f"Requests need a key, and no client has one yet. Make one, without a restart: {_create(place)}"


def _create(place: Path) -> str:
    return f"scoring keys create NAME --directory {place}"
