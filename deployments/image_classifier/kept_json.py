"""Small facts that were found once, kept as JSON for the next start.

Processes may share the files: each appears when it is complete. One that cannot be written or read costs the next start
the work of finding out again, and nothing else.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from deployments.destinations import partial_file

logger = logging.getLogger("ray.serve")

ValueT = TypeVar("ValueT")


def find_json(file: Path, form: TypeAdapter[ValueT]) -> ValueT | None:
    """Return what a file keeps; None where there is none, or none of this form."""
    try:
        return form.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def keep_json(file: Path, form: TypeAdapter[ValueT], value: ValueT, what: str) -> None:
    """Keep a value; where that cannot be, log so.

    Args:
        file: where, in a directory that is made if need be.
        form: of the value.
        value: what is kept.
        what: names it, as in `The batch curve`.
    """
    try:
        with partial_file(file.parent) as partial:
            partial.write(form.dump_json(value))
            partial.flush()
            Path(partial.name).replace(file)
    except OSError as error:
        logger.warning("%s cannot be kept in %s: %s.", what, file.parent, error.strerror or error)
