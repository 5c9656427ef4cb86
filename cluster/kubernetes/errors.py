"""What may go wrong between here and a cluster, in sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from cluster.printable import one_line
from deployments.errors import StartupError

if TYPE_CHECKING:
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import MaxRetryError


# What the package makes of a refusal where a connection was to become one for both directions, as to run a command; the
# server's headers and body follow.
_HANDSHAKE = re.compile(r"^Handshake status (\d{3}) (.*?)(?: -\+-\+-|$)")


class KubernetesError(StartupError):
    """The API server refuses, or does not answer.

    Attributes:
        said: the API server's own words, on one line; the whole message where it said nothing.
    """

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said or message


class NotFound(KubernetesError):
    """There is no such object."""


class UnknownKind(KubernetesError):
    """The cluster has no such kind of object."""


class Conflict(KubernetesError):
    """There is such an object already, or it was changed meanwhile."""


class NotPermitted(KubernetesError):
    """The user of KUBECONFIG may not do it."""


class NotAuthenticated(KubernetesError):
    """The cluster does not know the user of KUBECONFIG."""


class Unreachable(KubernetesError):
    """The API server does not answer, or not now; it may the next time."""


class NoCluster(KubernetesError):
    """No cluster is named."""

    def __init__(self, context: str | None, problem: str) -> None:
        what = f"no context {context}" if context else "no cluster"
        super().__init__(
            f"KUBECONFIG names {what} ({problem.rstrip('.')}). `az aks get-credentials` writes one for AKS; any other "
            "cluster gives its own file."
        )


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the client library raises into sentences.

    Raises:
        KubernetesError: of the kind that fits.
    """
    # Whoever has a cluster has these; the command line without one does not need them.
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError, MaxRetryError

    try:
        yield
    except ApiException as error:
        raise _of_status(error) from None
    except MaxRetryError as error:
        raise Unreachable(f"The cluster cannot be reached: {_root(error)}.") from None
    except HTTPError as error:
        raise Unreachable(f"The cluster does not answer: {type(error).__name__}.") from None


_LATER = (Unreachable, "The cluster does not answer now")
_OF_STATUS: dict[int, tuple[type[KubernetesError], str]] = {
    0: (Unreachable, "The cluster cannot be reached"),
    HTTPStatus.FORBIDDEN: (NotPermitted, "The cluster does not permit it"),
    HTTPStatus.NOT_FOUND: (NotFound, "The cluster has no such object"),
    HTTPStatus.CONFLICT: (Conflict, "The object exists or was changed by another"),
    HTTPStatus.TOO_MANY_REQUESTS: _LATER,
    HTTPStatus.BAD_GATEWAY: _LATER,
    HTTPStatus.SERVICE_UNAVAILABLE: _LATER,
}


def _of_status(error: ApiException) -> KubernetesError:
    status, said = error.status or 0, _message(error)
    if handshake := _HANDSHAKE.search(error.reason or ""):
        status, said = int(handshake[1]), handshake[2]
    if status == HTTPStatus.UNAUTHORIZED:
        return NotAuthenticated("The cluster does not accept the credentials of KUBECONFIG; log in again.", said)
    kind, words = _OF_STATUS.get(status, (KubernetesError, f"The cluster refuses it ({status})"))
    return kind(f"{words}: {said}.", said)


def _message(error: ApiException) -> str:
    try:
        message = json.loads(error.body or "")["message"]
    except (ValueError, KeyError, TypeError):
        message = error.reason
    return one_line(str(message or "it does not say why")).rstrip(".")


def _root(error: MaxRetryError) -> str:
    return str(error.reason or error).partition(": ")[2].rstrip(".") or str(error.reason)
