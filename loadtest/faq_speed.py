"""What scoring one question costs by the size of the FAQ, in process and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtest import wrk
from loadtest.configs import KINDS, first_version, read_config
from loadtest.errors import BenchmarkError
from loadtest.payloads import Payload
from loadtest.programs import answer_of
from loadtest.report import Report
from loadtest.service import serving

# As many as the program asks in process for.
_TOP_K = 10
_QUESTION = "How do I change the port, and where do I see that it worked?"
_WARM_UP_SECONDS = 3
_FAILURE = "The model does not train or load; what it says stands above."

_COLUMNS = [
    "Originals", f"Best {_TOP_K}: p50 ms", "p99 ms", "All: p50 ms", "Best over HTTP: p50 ms", "All over HTTP: p50 ms",
    "Model MiB", "Load s", "Training s", "Training peak MiB",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """One FAQ.

    Attributes:
        originals: how many.
        trained: what the program said of training it.
        scored: what it said of asking it.
        http: p50 in ms of the best few and of every original, for one client.
    """

    originals: int
    trained: dict[str, Any]
    scored: dict[str, Any]
    http: dict[str, float]


def measure(sizes: Sequence[int], *, data: Path | None, encoder: str | None, seconds: float, over_http: bool) -> Report:
    """Trains and asks FAQs of several sizes.

    Args:
        sizes: numbers of originals.
        data: prepared FAQ whose texts are recombined; None for the sample.
        encoder: sentence encoder; None to go by words alone.
        seconds: length of each measurement.
        over_http: whether to serve each model and ask it over HTTP, too.

    Raises:
        BenchmarkError: the program, the service or wrk failed.
    """
    with TemporaryDirectory(prefix="loadtest-") as directory:
        measured = [
            _size(Path(directory) / str(size), size, data, encoder, seconds, over_http=over_http) for size in sizes
        ]
    return report(measured, encoder)


def report(sizes: Sequence[Size], encoder: str | None) -> Report:
    """Put sizes into a table."""
    words = sizes[0].scored["words_per_question"]
    plain = [size for size in sizes if size.scored["plain"]]
    return Report(
        f"FAQ: one question on one core, {'words' if encoder is None else f'words and {encoder}'}",
        _COLUMNS,
        [_row(size) for size in sizes],
        [
            f"Questions asked have {words:.0f} words on average.",
            *(
                f"A plain scikit-learn TF-IDF with character n-grams over {size.originals} originals takes "
                f"{size.scored['plain']['p50']:.2f} ms, {size.scored['plain']['p50'] / size.scored['best']['p50']:.0f} "
                "times as long."
                for size in plain
            ),
        ],
        {"sizes": [asdict(size) for size in sizes]},
    )


def _row(size: Size) -> list[str]:
    scored, trained = size.scored, size.trained
    return [
        f"{size.originals:,}",
        f"{scored['best']['p50']:.2f}",
        f"{scored['best']['p99']:.2f}",
        f"{scored['every']['p50']:.2f}",
        f"{size.http['best']:.1f}" if size.http else "-",
        f"{size.http['every']:.1f}" if size.http else "-",
        f"{scored['model_mib']:,.0f}",
        f"{scored['load_seconds']:.1f}",
        f"{trained['seconds']:.0f}",
        f"{trained['peak_mib']:,.0f}",
    ]


def _size(
    directory: Path, originals: int, data: Path | None, encoder: str | None, seconds: float, *, over_http: bool
) -> Size:
    shared = [] if data is None else ["--data", str(data)]
    encoding = [] if encoder is None else ["--encoder", encoder]
    training = ["train", "--originals", str(originals), "--output", str(directory), *encoding]
    trained = answer_of("faq", *shared, *training, failure=_FAILURE)
    scored = answer_of("faq", *shared, "ask", "--model", str(directory), "--seconds", str(seconds), failure=_FAILURE)
    return Size(originals, trained, scored, _over_http(directory, seconds) if over_http else {})


def _over_http(model: Path, seconds: float) -> dict[str, float]:
    config = read_config(None)
    name, version = first_version(config, KINDS["faq"])
    settings = config["applications"][0]["args"]
    settings["models"] = [entry for entry in settings["models"] if entry["kind"] == KINDS["faq"]]
    version["model"] = {"model_dir": str(model)}
    with serving(config) as service:
        url = f"{service.url}/{name}/score"
        return {
            "best": _p50(url, {"input": _QUESTION, "top_k": _TOP_K}, seconds),
            "every": _p50(url, {"input": _QUESTION}, seconds),
        }


def _p50(url: str, body: dict[str, Any], seconds: float) -> float:
    payload = Payload(json.dumps(body).encode(), "application/json")
    wrk.run(url, [payload], connections=1, seconds=_WARM_UP_SECONDS)
    result = wrk.run(url, [payload], connections=1, seconds=seconds)
    if result.errors:
        raise BenchmarkError(f"{result.errors} requests failed.")
    return result.p50_ms
