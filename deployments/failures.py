"""Why a replica or an application failed, out of the stack traces that Ray Serve reports."""

from __future__ import annotations

import re
from typing import Any

# A sentence, and the indented lines that say which settings are wrong.
_OWN_ERROR = re.compile(r"StartupError: (.+(?:\n  (?!File \").+)*)")
# The last line of a stack trace; one error's text may be another's stack trace.
_LAST_ERROR = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception)(?:: (?!Traceback ).+)?)$", re.MULTILINE)

# The deployment of a version's application that never has a replica: see `deployments.binding`.
ROOT = "root"

# Ray Serve's states of an application that will not run by itself.
FAILED = frozenset({"DEPLOY_FAILED", "UNHEALTHY"})


def has_failed(status: str, message: str) -> bool:
    """Whether an application will not run by itself.

    Ray Serve starts a failing replica several times; what only a person can mend is known after the first.
    """
    return status in FAILED or own_error(message) is not None


def own_error(message: str) -> str | None:
    """Return the sentence that this product gives as the cause; None where there is none."""
    found = _OWN_ERROR.search(message)
    return None if found is None else found[1]


def reason(message: str) -> str:
    """Find the sentence for people in Ray Serve's message, which holds a stack trace."""
    if (own := own_error(message)) is not None:
        return own
    if errors := _LAST_ERROR.findall(message):
        return f"The application failed to start: {errors[-1]}"
    first, _, rest = message.strip().partition("\n")
    if first.endswith("exception:"):
        first = rest.strip().partition("\n")[0]
    return f"The application failed to start: {first or 'Ray Serve gives no reason.'}"


def failure_of(status: Any) -> str | None:
    """Return why an application will not run by itself, by Ray Serve's status of it; None where it runs, or may."""
    message = "\n\n".join([status.message, *(each.message for each in status.deployments.values())])
    return reason(message) if has_failed(status.status, message) else None
