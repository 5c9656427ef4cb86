"""A study on disk: what a search tried and what came of it, in SQLite, so that it goes on where it stopped."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from deployments.destinations import check_file
from deployments.errors import StartupError
from deployments.faq_matcher.causes import cause

_NAME = "scoring faq tune"
_FINGERPRINT = "fingerprint"

# The table that Optuna keeps studies in.
_TABLE = "studies"


def open_study(path: Path, fingerprint: str) -> optuna.Study:
    """Opens a study, or begins one.

    Args:
        path: SQLite file; made where there is none.
        fingerprint: of everything that results depend on; a study keeps the first one.

    Raises:
        StartupError: the file cannot be used, is no study, or is one of other data or settings.
    """
    _check_file(path)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        storage = optuna.storages.RDBStorage(URL.create("sqlite", database=str(path)).render_as_string())
        study = optuna.create_study(storage=storage, study_name=_NAME, direction="maximize", load_if_exists=True)
        known = study.user_attrs.get(_FINGERPRINT)
        if known is None:
            study.set_user_attr(_FINGERPRINT, fingerprint)
    except (SQLAlchemyError, optuna.exceptions.OptunaError, RuntimeError) as error:
        raise StartupError(f"{path} cannot be used as a study ({cause(error)}): name another file.") from error
    if known not in {None, fingerprint}:
        raise StartupError(
            f"{path} is a study of other data or other settings: name another file with --study, or delete this one."
        )
    return study


def _check_file(path: Path) -> None:
    """Optuna would add its tables to any database."""
    check_file(path)
    if not path.exists() or path.stat().st_size == 0:
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (_TABLE,)).fetchone()
    except sqlite3.Error as error:
        raise StartupError(f"{path} cannot be read as a study ({error}): name another file with --study.") from error
    if found is None:
        raise StartupError(f"{path} holds no study: name another file with --study.")
