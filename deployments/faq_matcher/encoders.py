"""The sentence encoder that belongs to a model."""

from __future__ import annotations

from deployments.errors import StartupError
from deployments.faq_matcher.encoder import Encoder, load_encoder
from deployments.faq_matcher.learned import TrainingFacts


def encoder_of(facts: TrainingFacts, *, threads: int = 1) -> Encoder | None:
    """Loads the encoder that a model was trained with; None for one that goes by words alone.

    Args:
        facts: of the model.
        threads: of inference; 0 for one on each core.

    Raises:
        StartupError: it is not there, or is another one.
    """
    if facts.encoder is None:
        return None
    encoder = load_encoder(facts.encoder.name, threads=threads)
    if encoder.sha256 != facts.encoder.sha256:
        raise StartupError(
            f"The sentence encoder {facts.encoder.name} is not the one that the FAQ model was trained with: "
            "install that one, or train the model again."
        )
    return encoder
