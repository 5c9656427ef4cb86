"""Training and scoring without a service, on one core; a program of its own.

`python -m loadtest.in_process.faq train --originals N --output DIR` recombines questions to a FAQ of N originals and
trains a model; `python -m loadtest.in_process.faq ask --model DIR --seconds S` loads it and asks it real questions.
Both print one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from sklearn.feature_extraction.text import TfidfVectorizer

from deployments.contracts import Question
from deployments.faq_matcher.data import read_prepared
from deployments.faq_matcher.model import FaqModel
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.source import read_sample
from deployments.faq_matcher.training import train
from loadtest.in_process.faq_large import Source, asked, large_faq, source_of

TOP_K = 10

_QUESTIONS = 500
_WARM_UP = 20
_MIB = 2**20


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="Prepared FAQ to recombine; without one, the sample FAQ.")
    parser.add_argument("--seed", type=int, default=0)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("train")
    command.add_argument("--originals", type=int, required=True)
    command.add_argument("--encoder")
    command.add_argument("--output", type=Path, required=True)
    command.set_defaults(run=_train)
    command = commands.add_parser("ask")
    command.add_argument("--model", type=Path, required=True)
    command.add_argument("--seconds", type=float, required=True)
    command.set_defaults(run=_ask)
    options = parser.parse_args()
    print(json.dumps(options.run(options)))


def real_texts(data: Path | None) -> Source:
    """The texts of a prepared FAQ, or of the sample."""
    return source_of(read_sample() if data is None else read_prepared(data))


def _train(options: argparse.Namespace) -> dict[str, Any]:
    faq = large_faq(real_texts(options.data), options.originals, options.seed)
    started = time.perf_counter()
    learned = train(faq, Recipe(encoder=options.encoder, seed=options.seed))
    seconds = time.perf_counter() - started
    FaqModel(learned).save(options.output)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": seconds,
        "peak_mib": peak,
        "features": learned.evidence.features.count,
        "postings": len(learned.evidence.index.places),
        "words_per_question": float(np.mean([len(original.text.split()) for original in faq.originals])),
    }


def _ask(options: argparse.Namespace) -> dict[str, Any]:
    """Medians and 99th percentiles in milliseconds, memory in MiB."""
    # One core, whatever libraries would use.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    source = real_texts(options.data)
    texts = asked(source, _QUESTIONS, options.seed)
    # What the libraries and the compiled code take does not belong to the model.
    FaqModel(train(read_sample())).score([Question(texts[0])])
    before = _resident()
    started = time.perf_counter()
    model = FaqModel.load(options.model)
    loading = time.perf_counter() - started
    best = _timed(lambda text: model.score([Question(text, top_k=TOP_K)]), texts, options.seconds)
    memory = _resident() - before
    every = _timed(lambda text: model.score([Question(text)]), texts, options.seconds)
    plain = _plain_tfidf([original.text for original in model.originals]) if len(model.originals) <= 1000 else None  # noqa: PLR2004 - it is meant for small FAQs
    return {
        "load_seconds": loading,
        "model_mib": memory,
        "best": best,
        "every": every,
        "plain": None if plain is None else _timed(plain, texts, options.seconds),
        "words_per_question": float(np.mean([len(text.split()) for text in texts])),
    }


def _timed(step: Callable[[str], object], texts: Sequence[str], seconds: float) -> dict[str, float]:
    for text in texts[:_WARM_UP]:
        step(text)
    samples: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or not samples:
        text = texts[len(samples) % len(texts)]
        started = time.perf_counter()
        step(text)
        samples.append((time.perf_counter() - started) * 1e3)
    return {"p50": float(np.median(samples)), "p99": float(np.quantile(samples, 0.99)), "count": len(samples)}


def _plain_tfidf(originals: Sequence[str]) -> Callable[[str], object]:
    """What one would write with scikit-learn: cosine of TF-IDF vectors of character n-grams."""
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    profiles = vectorizer.fit_transform(originals).T.tocsr()
    return lambda text: np.sort((vectorizer.transform([text]) @ profiles).toarray()[0])


def _resident() -> float:
    return float(psutil.Process().memory_info().rss) / _MIB


if __name__ == "__main__":
    main()
