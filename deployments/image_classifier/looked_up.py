"""What a library knows of its own networks, kept so that the next start needs not import the library.

Importing one takes seconds and hundreds of megabytes, which a replica that runs a converted model has no other use for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from deployments.cache_root import cache_root
from deployments.image_classifier.kept_json import find_json, keep_json

FactsT = TypeVar("FactsT")


def looked_up(
    package: str, version: str | None, name: str, form: TypeAdapter[FactsT], look_up: Callable[[], FactsT]
) -> FactsT:
    """Return what is kept, else what the library says, which is then kept.

    Args:
        package: the library.
        version: of the library, since each may change what it recommends; without it, what was found last will do.
        name: of what is looked up.
        form: its type.
        look_up: asks the library.
    """
    file = _file(package, version, name)
    if (kept := find_json(file, form)) is not None:
        return kept
    facts = look_up()
    keep_json(file, form, facts, f"What {package} knows of {name}")
    return facts


def _file(package: str, version: str | None, name: str) -> Path:
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    directory = cache_root(package)
    if version is not None:
        return directory / version / f"{digest}.json"
    found = [file for file in directory.glob(f"*/{digest}.json") if file.is_file()]
    return max(found, key=lambda file: file.stat().st_mtime, default=directory / "none" / f"{digest}.json")
