"""What Keras knows of its applications, known without importing Keras once it was looked up."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import TypeAdapter

from deployments.image_classifier.engines.machine import installed
from deployments.image_classifier.keras_networks.facts import Known
from deployments.image_classifier.looked_up import looked_up

_FORM = TypeAdapter(Known)


def find_known(application: str, settle: Callable[[], None]) -> Known:
    """Look up an application by name: in the cache, else in Keras, for the next start as well.

    Args:
        application: as in ResNet152.
        settle: says what TensorFlow may use, where it has to be imported.

    Raises:
        StartupError: there is no such application, or Keras is needed and missing.
    """

    def ask() -> Known:
        from deployments.image_classifier.keras_networks import applications  # noqa: PLC0415 - imports TensorFlow

        settle()
        return applications.known(application)

    return looked_up("keras", installed("keras"), application, _FORM, ask)
