"""What is sent: a mix of requests for any model, for kinds of models, or for paths and files of the user's own."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path

from loadtest.errors import BenchmarkError
from loadtest.generator.bad_requests import bad_requests
from loadtest.generator.bodies import raw_request
from loadtest.generator.examples import PREFIX, Service, example_requests
from loadtest.generator.load_kinds import Sources, load_kinds
from loadtest.generator.plan import Request, Scenario
from loadtest.payloads import Payload

# What every service answers, by name: what it is, and its path.
HEALTH = {
    "live": ("GET /v2/health/live", "/v2/health/live"),
    "ready": ("GET /v2/health/ready, which asks every model", "/v2/health/ready"),
}
OTHERS = {
    f"{PREFIX}NAME": "the example of a model; infer:NAME/VERSION for a version",
    "/PATH": "GET",
    "/PATH@FILE": "POST with a file, or each file of a folder, as the body",
}


def known_scenarios() -> Mapping[str, str]:
    """Return what each scenario sends, by name."""
    kinds = load_kinds().values()
    return {
        **{name: text for kind in kinds for name, (text, _) in kind.scenarios.items()},
        **{name: text for name, (text, _) in HEALTH.items()},
    }


def scenarios(
    texts: Sequence[str], sources: Sources, *, with_bad: bool = False, service: Service | None = None
) -> list[Scenario]:
    """Build what the user wants to send.

    Args:
        texts: `NAME` or `NAME=WEIGHT`. A name of `known_scenarios`; `infer:MODEL`; a path, which begins with a slash,
            for GET; or `PATH@FILE`, for POST with the file, or each of the folder's files, as a body.
        sources: of data, and names of models.
        with_bad: whether bad requests are wanted, too.
        service: that says what its models take, for `infer:MODEL`.

    Raises:
        BenchmarkError: there is no such scenario, model, file or folder, or a weight is no number.
    """
    found = []
    for text in texts:
        name, weight = _weighed(text)
        requests = _requests(name, sources, service)
        bad = bad_requests(requests) if with_bad else []
        found.append(Scenario(name=name, weight=weight, requests=requests, bad_requests=bad))
    if len({scenario.name for scenario in found}) < len(found):
        raise BenchmarkError("A scenario is named twice; give it once, with its weight.")
    return found


def _weighed(text: str) -> tuple[str, float]:
    name, equals, weight = text.rpartition("=")
    if not equals:
        return text, 1.0
    try:
        number = float(weight)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise BenchmarkError(f"{weight!r} in {text!r} is no weight; write a number above 0, as in faq=3.")
    return name, number


def _requests(name: str, sources: Sources, service: Service | None) -> list[Request]:
    for kind, loads in load_kinds().items():
        if name in loads.scenarios:
            return loads.scenarios[name][1](sources.addressed(kind))
    if name in HEALTH:
        return [Request(method="GET", path=HEALTH[name][1])]
    if name.startswith(PREFIX):
        return example_requests(name, service)
    path, at, file = name.partition("@")
    if not path.startswith("/") or any(character.isspace() for character in path):
        raise BenchmarkError(f"There is no scenario {name!r}; there are {', '.join([*known_scenarios(), *OTHERS])}.")
    return _of_files(path, Path(file)) if at else [Request(method="GET", path=path)]


def _of_files(path: str, file: Path) -> list[Request]:
    files = sorted(each for each in file.iterdir() if each.is_file()) if file.is_dir() else [file]
    try:
        found = [Payload(each.read_bytes(), _media_type(each)) for each in files]
    except OSError as error:
        raise BenchmarkError(f"{file} cannot be read: {error.strerror}.") from None
    if not found:
        raise BenchmarkError(f"{file} holds no files.")
    return [raw_request(path, payload) for payload in found]


def _media_type(file: Path) -> str:
    return mimetypes.guess_type(file.name, strict=False)[0] or "application/octet-stream"
