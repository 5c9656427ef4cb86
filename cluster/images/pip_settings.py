"""How pip finds its index on this machine, told to a build as secrets: addresses may hold passwords."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from configparser import ConfigParser, Error
from dataclasses import dataclass
from pathlib import Path

from deployments.errors import StartupError

# Names of the build's secrets, which are mounted under this directory.
CONFIG = "pip-config"
BUNDLE = "ca-bundle"
MOUNTED = "/run/secrets"

# pip's files beside those of the user.
MACHINE = Path("/etc/pip.conf")
ENVIRONMENT = Path(sys.prefix) / "pip.conf"

_KEYS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
_CERTIFICATES = "cert"
# What uv calls the same, for machines where only uv is told.
_OF_UV = {"UV_DEFAULT_INDEX": "index-url", "UV_INDEX_URL": "index-url", "UV_EXTRA_INDEX_URL": "extra-index-url"}


@dataclass(frozen=True)
class PipSettings:
    """What a build's pip is told.

    Attributes:
        config: content of a pip.conf.
        bundle: file of certificates to trust, if one is named.
    """

    config: str
    bundle: Path | None


def pip_settings(environment: Mapping[str, str]) -> PipSettings:
    """Return what pip's files and variables say about the index; later ones of pip's order win.

    Raises:
        StartupError: a file of pip's is not one.
    """
    known = (*_KEYS, _CERTIFICATES)
    found: dict[str, str] = {}
    for path in _files(environment):
        found |= _read(path)
    found |= {key: value for name, key in _OF_UV.items() if (value := environment.get(name))}
    found |= {key: value for key in known if (value := environment.get(f"PIP_{key.upper().replace('-', '_')}"))}
    bundle = found.get(_CERTIFICATES) or environment.get("SSL_CERT_FILE")
    told = {key: found[key] for key in _KEYS if key in found}
    if bundle and Path(bundle).is_file():
        return PipSettings(_written({**told, _CERTIFICATES: f"{MOUNTED}/{BUNDLE}"}), Path(bundle))
    return PipSettings(_written(told), None)


def _files(environment: Mapping[str, str]) -> list[Path]:
    """Return pip's files: of the machine, the user, the environment, and the one that is named."""
    home = Path(environment.get("HOME", "/"))
    settings = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    named = environment.get("PIP_CONFIG_FILE")
    places = [MACHINE, home / ".pip/pip.conf", settings / "pip/pip.conf", ENVIRONMENT]
    return [*places, *([Path(named)] if named else [])]


def _read(path: Path) -> dict[str, str]:
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except (Error, UnicodeDecodeError):
        raise StartupError(f"{path} is not a configuration file of pip's.") from None
    sections = [section for section in ("global", "install") if parser.has_section(section)]
    return {key.replace("_", "-"): value for section in sections for key, value in parser.items(section)}


def _written(settings: Mapping[str, str]) -> str:
    parser = ConfigParser(interpolation=None)
    parser["global"] = dict(settings)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()
