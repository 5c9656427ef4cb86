"""Requests for any model, from the example in what it says of itself."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from loadtest.errors import BenchmarkError
from loadtest.generator.bodies import json_request
from loadtest.generator.plan import Request

PREFIX = "infer:"
_TIMEOUT_SECONDS = 60
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Service:
    """The service that says what its models take.

    Attributes:
        url: its address, without a path.
        headers: that show who asks.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def example_requests(text: str, service: Service | None) -> list[Request]:
    """Return the request that a model gives as its example.

    Args:
        text: `infer:NAME` or `infer:NAME/VERSION`.
        service: that has the model.

    Raises:
        BenchmarkError: the service has no such model, or the model gives no example.
    """
    name, _, version = text.removeprefix(PREFIX).partition("/")
    if not name or service is None:
        raise BenchmarkError(f"{text!r} must be infer:NAME or infer:NAME/VERSION, with a model of the service.")
    path = f"/v2/models/{quote(name, safe='')}" + (f"/versions/{quote(version, safe='')}" if version else "")
    request = _description(service, path, name).get("example", {}).get("request")
    if not request:
        raise BenchmarkError(f"The model '{name}' gives no example of a request; send a file with /PATH@FILE.")
    return [json_request(f"{path}/infer", request)]


def _description(service: Service, path: str, name: str) -> dict[str, Any]:
    asked = urllib.request.Request(service.url + path, headers=dict(service.headers))  # noqa: S310 - checked by the options
    try:
        with _OPENER.open(asked, timeout=_TIMEOUT_SECONDS) as response:
            content = json.load(response)
    except urllib.error.HTTPError as error:
        raise BenchmarkError(f"The service does not describe the model '{name}': it answers {error.code}.") from None
    except OSError as error:
        raise BenchmarkError(f"Nothing answers at {service.url}: {getattr(error, 'reason', error)}.") from None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise BenchmarkError(f"What answers at {service.url} does not describe models by the Open Inference Protocol.")
    return content
