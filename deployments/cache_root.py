"""Where what was fetched or trained once is kept for the next start."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_dir

CACHE_VARIABLE = "SCORING_CACHE"

# Kinds of files that a start may wait for: weights that are fetched, networks that are converted for an engine.
WEIGHTS = "weights"
CONVERTED = "converted"


def cache_root(kind: str) -> Path:
    """Return the directory for one kind of files: in $SCORING_CACHE, else in the user's cache directory."""
    return Path(os.environ.get(CACHE_VARIABLE) or user_cache_dir("ray-scoring")) / kind
