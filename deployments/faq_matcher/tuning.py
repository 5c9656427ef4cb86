"""Tuning: a search for the recipe that matches best the questions held out from training."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.trial import FrozenTrial, TrialState

from deployments.errors import StartupError
from deployments.faq_matcher.calibration import LEAST_QUESTIONS
from deployments.faq_matcher.data import FaqData
from deployments.faq_matcher.encoder import load_encoder
from deployments.faq_matcher.gain import Gain, gain, log_losses, reciprocal_ranks
from deployments.faq_matcher.holding_out import calibrated, held_out_questions
from deployments.faq_matcher.material import Embeddings, embeddings, material_of
from deployments.faq_matcher.progress import Progress, no_progress
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.study_file import open_study

# What the study keeps of a trial, beside the mean reciprocal rank.
_RANKS, _LOSS = "reciprocal_ranks", "log_loss"

# Decimals of a question's reciprocal rank in the study.
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Trial:
    """A recipe and how well it did.

    Attributes:
        number: which trial it was, from 0; number 0 is the recipe that was started from.
        recipe: the settings.
        questions: how many were held out and asked.
        mean_reciprocal_rank: of their originals; higher is better.
        accuracy: share whose original came first.
        log_loss: of the calibrated probabilities, in nats; lower is better.
    """

    number: int
    recipe: Recipe
    questions: int
    mean_reciprocal_rank: float
    accuracy: float
    log_loss: float


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found.

    Attributes:
        trials: all trials so far, earlier runs' included, in the order in which they were made.
        gain: of searching.
    """

    trials: tuple[Trial, ...]
    gain: Gain

    @property
    def first(self) -> Trial:
        """The recipe that was started from."""
        return self.trials[0]

    @property
    def best(self) -> Trial:
        """The trial with the highest mean reciprocal rank; of several, the one with the least log loss."""
        return max(self.trials, key=lambda trial: (trial.mean_reciprocal_rank, -trial.log_loss))


def tune(
    data: FaqData,
    study_file: Path,
    *,
    trials: int = 40,
    start: Recipe | None = None,
    timeout_seconds: float | None = None,
    progress: Progress = no_progress,
    clock: Callable[[], float] = time.monotonic,
) -> Search:
    """Searches for the recipe with the highest mean reciprocal rank on duplicates held out.

    Reciprocal rank rather than log loss: calibration is fitted anew for each recipe, so that what a recipe decides is
    the order of the originals. On StackFAQ, over 14 recipes, both told equally well how high originals rank for
    questions of a test (Spearman correlation 0.90); but a search by log loss came out with a recipe that is more even
    in its confidence and finds fewer originals than the default one. Each recipe is judged by the same questions, held
    out in the same parts.

    Trial n is drawn with a seed that is made of the recipe's seed and n, from the results of the n trials before it;
    trials that were not finished do not count. So a search that was interrupted, or that is asked for more trials
    later, gives the same trials as one in one go, on the same machine and with the same library versions.

    Args:
        data: the FAQ.
        study_file: SQLite file that keeps the trials; where it has some, the search goes on from them.
        trials: how many there shall be in the end.
        start: the first recipe, within `search_space`; what is not searched stays as it is here. Its seed is that of
            the search.
        timeout_seconds: no trial is begun after so long, but for the first.
        progress: told of progress.
        clock: gives seconds.

    Raises:
        StartupError: there are too few duplicates, the study is not of this data, or the sentence encoder is missing.
        KeyboardInterrupt: the search was stopped; the finished trials are kept.
    """
    started, start = clock(), start or Recipe()
    if len(data.duplicates) < LEAST_QUESTIONS:
        raise StartupError(
            f"The FAQ has {len(data.duplicates)} duplicates to judge recipes by, and tuning needs at least "
            f"{LEAST_QUESTIONS}: train with the default recipe."
        )
    encoder = None if start.encoder is None else load_encoder(start.encoder, threads=0)
    space = search_space(has_answers=bool(data.answers), has_meaning=encoder is not None)
    study = open_study(study_file, _fingerprint(data, start, space, None if encoder is None else encoder.sha256))
    done = len(_finished(study))
    bench = _Bench(data, start, None)
    if done < trials:
        bench = _Bench(data, start, embeddings(data, start, encoder, progress))
    while done < trials and (not done or timeout_seconds is None or clock() - started < timeout_seconds):
        _try_next(study, space, bench, done, _within(progress, done, trials))
        done += 1
    return _search(_finished(study), start)


def search_space(*, has_answers: bool, has_meaning: bool) -> dict[str, BaseDistribution]:
    """What is searched: fields of `Recipe` with the values that they may take."""
    space: dict[str, BaseDistribution] = {
        "gram_lengths": CategoricalDistribution(["3", "4", "3 4", "3 4 5"]),
        "head_weight": FloatDistribution(0, 1.5),
        "rounds": IntDistribution(0, 12),
        "rate": FloatDistribution(0.05, 1, log=True),
        "sharpness": FloatDistribution(5, 60, log=True),
        "rivals": IntDistribution(5, 100, log=True),
    }
    if has_answers:
        space["answer_weight"] = FloatDistribution(0, 2)
    if has_answers and has_meaning:
        space["answer_meaning_weight"] = FloatDistribution(0, 1)
    return space


@dataclass(frozen=True, slots=True)
class _Bench:
    """What recipes are tried on."""

    data: FaqData
    start: Recipe
    embedded: Embeddings | None

    def measure(self, recipe: Recipe, progress: Progress) -> tuple[float, dict[str, Any]]:
        """The mean reciprocal rank, and what else is written down."""
        held_out = held_out_questions(material_of(self.data, recipe, self.embedded, progress), recipe, progress)
        calibration = calibrated(held_out, recipe)
        ranks, loss = reciprocal_ranks(held_out, calibration), float(log_losses(held_out, calibration).mean())
        return float(ranks.mean()), {_LOSS: loss, _RANKS: ranks.round(_DECIMALS).tolist()}


def _try_next(
    study: optuna.Study, space: dict[str, BaseDistribution], bench: _Bench, done: int, progress: Progress
) -> None:
    if not done:
        score, notes = bench.measure(bench.start, progress)
        study.add_trial(
            optuna.create_trial(
                value=score, params=_parameters(bench.start, space), distributions=space, user_attrs=notes
            )
        )
        return
    seed = int(np.random.SeedSequence([bench.start.seed, done]).generate_state(1)[0])
    study.sampler = optuna.samplers.TPESampler(seed=seed, multivariate=False, constant_liar=False)
    trial = study.ask(space)
    try:
        score, notes = bench.measure(_recipe(trial.params, bench.start), progress)
    except BaseException:
        study.tell(trial, state=TrialState.FAIL)
        raise
    for name, value in notes.items():
        trial.set_user_attr(name, value)
    study.tell(trial, score)


def _parameters(recipe: Recipe, space: dict[str, BaseDistribution]) -> dict[str, Any]:
    values = recipe.model_dump(include=set(space))
    return {**values, "gram_lengths": " ".join(map(str, recipe.gram_lengths))}


def _recipe(parameters: dict[str, Any], start: Recipe) -> Recipe:
    lengths = tuple(int(length) for length in parameters["gram_lengths"].split())
    return Recipe.model_validate({**start.model_dump(), **parameters, "gram_lengths": lengths})


def _finished(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _search(finished: list[FrozenTrial], start: Recipe) -> Search:
    ranks = np.array([trial.user_attrs[_RANKS] for trial in finished])
    trials = [
        Trial(
            number,
            _recipe(trial.params, start),
            questions=ranks.shape[1],
            mean_reciprocal_rank=float(trial.value or 0),
            accuracy=float((ranks[number] == 1).mean()),
            log_loss=trial.user_attrs[_LOSS],
        )
        for number, trial in enumerate(finished)
    ]
    return Search(tuple(trials), gain(ranks, start.seed))


def _fingerprint(data: FaqData, start: Recipe, space: dict[str, BaseDistribution], encoder: str | None) -> str:
    searched = {name: distribution_to_json(values) for name, values in space.items()}
    settings = start.model_dump(mode="json", exclude={"encoder", "wanted_precision"})
    content = [data.fingerprint, settings, searched, encoder]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _within(progress: Progress, done: int, trials: int) -> Progress:
    """Progress of the whole search from that of one trial."""

    def tell(_step: str, part: int, parts: int) -> None:
        parts = max(parts, 1)
        progress("Trying recipes", done * parts + part, trials * parts)

    return tell
