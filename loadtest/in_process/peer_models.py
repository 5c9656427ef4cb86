"""The models that servers are compared with; a program of its own, which trains and converts as the product does.

`python -m loadtest.in_process.peer_models faq --output DIR [--data DIR]` writes `faq.joblib`, a scikit-learn pipeline
for every server, and `own`, the product's own model of the same FAQ. `... network --output DIR` converts ResNet-152 for
OpenVINO, with torchvision's weights where they can be had and else with seeded random ones. Both print a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from deployments.errors import StartupError

# What a residual block of random weights adds to what it gets, so that 50 of them neither vanish nor explode.
RESIDUAL_SHARE = 0.2

# Spreads the probabilities of 1,000 classes.
LOGIT_SCALE = 10


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("faq")
    command.add_argument("--data", type=Path, help="FAQ made by `scoring faq prepare`; without one, the sample FAQ.")
    command.add_argument("--output", type=Path, required=True)
    command.set_defaults(run=_faq)
    command = commands.add_parser("network")
    command.add_argument("--output", type=Path, required=True)
    command.set_defaults(run=_network)
    options = parser.parse_args()
    try:
        facts = options.run(options)
    except StartupError as error:
        sys.exit(str(error))
    print(json.dumps(facts))


def _faq(options: argparse.Namespace) -> dict[str, Any]:
    import joblib  # type: ignore[import-untyped] # noqa: PLC0415 - as below: networks need none of it
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline, make_union  # noqa: PLC0415

    from deployments.faq_matcher.data import read_prepared  # noqa: PLC0415
    from deployments.faq_matcher.model import FaqModel  # noqa: PLC0415
    from deployments.faq_matcher.recipe import Recipe  # noqa: PLC0415
    from deployments.faq_matcher.source import read_sample  # noqa: PLC0415
    from deployments.faq_matcher.training import train  # noqa: PLC0415
    from deployments.faq_matcher.wordings import wordings  # noqa: PLC0415

    data = read_sample() if options.data is None else read_prepared(options.data)
    known = wordings(data.originals, data.duplicates)
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True),
    )
    pipeline = make_pipeline(features, LogisticRegression(C=10, max_iter=1000, random_state=0))
    pipeline.fit(known.texts, known.owners)
    # Classes are places of originals, all of which have a wording: their own.
    saved = {
        "pipeline": pipeline,
        "ids": [original.id for original in data.originals],
        "answer_ids": [original.answer_id for original in data.originals],
    }
    joblib.dump(saved, options.output / "faq.joblib")
    FaqModel(train(data, Recipe())).save(options.output / "own")
    return {"originals": len(data.originals), "ms_for_one": _milliseconds(pipeline, known.texts)}


def _milliseconds(pipeline: Any, texts: list[str]) -> float:
    """Return how long one question takes when asked alone: the median of those that the FAQ is made of."""
    samples = []
    for text in texts:
        started = time.perf_counter()
        pipeline.predict_proba([text])
        samples.append(time.perf_counter() - started)
    return sorted(samples)[len(samples) // 2] * 1e3


def _network(options: argparse.Namespace) -> dict[str, Any]:
    from deployments.image_classifier.conversion.exporting import export  # noqa: PLC0415 - PyTorch
    from deployments.image_classifier.settings import ImageClassifierSettings  # noqa: PLC0415
    from deployments.image_classifier.source import find_source  # noqa: PLC0415

    source = find_source(ImageClassifierSettings(), allow_untrained=True)
    weights = source.weights
    with TemporaryDirectory(prefix="loadtest-") as directory:
        if weights == "untrained":
            state = Path(directory) / "random.pth"
            _random_state(state)
            source = find_source(ImageClassifierSettings(weights_uri=str(state)), allow_untrained=False)
        options.output.mkdir()
        export(source.load(), source, "openvino", options.output)
    return {"weights": weights}


def _random_state(file: Path) -> None:
    """Write random weights whose answers differ by image: as torchvision draws them, one class always has all of it."""
    import torch  # noqa: PLC0415
    from torchvision.models import resnet152  # noqa: PLC0415

    torch.manual_seed(0)
    state = resnet152().state_dict()
    for name, values in state.items():
        if name.endswith("bn3.weight"):
            values.fill_(RESIDUAL_SHARE)
    state["fc.weight"] *= LOGIT_SCALE
    torch.save(state, file)


if __name__ == "__main__":
    main()
