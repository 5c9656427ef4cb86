"""Where the matcher's model comes from: a saved one, the user's own FAQ, or the sample."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from deployments.faq_matcher import storage
from deployments.faq_matcher.cache import trained
from deployments.faq_matcher.data import FaqData, read_faq
from deployments.faq_matcher.model import FaqModel
from deployments.faq_matcher.recipe import Recipe
from deployments.faq_matcher.settings import FaqMatcherSettings


def load_model(settings: FaqMatcherSettings) -> FaqModel:
    """Loads or trains the model that settings ask for; training takes seconds and happens once for each FAQ.

    Raises:
        StartupError: the saved model or the files of the FAQ cannot be used.
    """
    learned = (
        storage.read(Path(settings.model_dir).expanduser())
        if settings.model_dir is not None
        else trained(read_data(settings), Recipe(encoder=settings.encoder))
    )
    return FaqModel.of(learned, max_text_length=settings.max_text_length, default_top_k=settings.default_top_k)


def read_data(settings: FaqMatcherSettings) -> FaqData:
    """Reads the FAQ to train from: the user's own, or the sample.

    Raises:
        StartupError: a file cannot be used.
    """
    if settings.questions is None:
        return read_sample()
    return read_faq(Path(settings.questions).expanduser(), _path(settings.duplicates), _path(settings.answers))


def read_sample() -> FaqData:
    """Reads the FAQ about this product that comes with it."""
    with as_file(files("deployments.faq_matcher") / "sample") as sample:
        return read_faq(sample / "questions.tsv", sample / "duplicates.tsv", sample / "answers.tsv")


def _path(setting: str | None) -> Path | None:
    return None if setting is None else Path(setting).expanduser()
