"""What `scoring image tune` reads of a config, and what it writes into it."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployments.errors import StartupError
from deployments.image_classifier.engines.devices import usable_cpus
from deployments.image_classifier.kind import CLASSIFIER_SCALING, KIND
from deployments.image_classifier.settings import ImageClassifierSettings
from serve_app.config_file import read_config
from serve_app.config_lines import config_yaml, model_yaml
from serve_app.table_changes import own_settings

if TYPE_CHECKING:
    from deployments.image_classifier.tuning import Setting


@dataclass(frozen=True, slots=True)
class Tuned:
    """The model that is tuned.

    Attributes:
        name: of the model.
        version: of it: the default.
        settings: of that version.
        cpus: that one replica has.
        content: the config file; None without one.
    """

    name: str
    version: str
    settings: ImageClassifierSettings
    cpus: int
    content: dict[str, Any] | None


def read_tuned(config: Path | None, name: str | None) -> Tuned:
    """Find the image model of a config; without one, the product's own.

    Args:
        config: the file.
        name: of the model, where there are several.

    Raises:
        StartupError: the config is wrong or has no such model.
    """
    file = read_config(config)
    settings = file.settings(os.environ)
    models = [each for each in settings.models if each.kind == KIND.name and name in {None, each.name}]
    if not models:
        raise StartupError(f"The config has no image model{f' of the name {name}' if name else ''}.")
    if len(models) > 1:
        names = ", ".join(each.name for each in models)
        raise StartupError(f"The config has several image models: name one of {names} with --model.")
    (model,) = models
    version = next(each for each in model.versions if each.name == model.default_version)
    cpus = usable_cpus(int((version.scaling or CLASSIFIER_SCALING).cpus))
    return Tuned(model.name, version.name, version.model, cpus, file.content if config is not None else None)


def tuned_yaml(tuned: Tuned, setting: Setting) -> str:
    """Return the config with the setting in it; without a config, the lines that hold it."""
    model = {"threads": setting.threads, "streams": setting.streams, "max_batch": setting.max_batch}
    scaling = {"max_concurrent_requests": setting.in_flight}
    if tuned.content is None:
        return model_yaml(KIND.name, tuned.name, {"model": model, "scaling": scaling})
    content = copy.deepcopy(tuned.content)
    version = own_settings(content, tuned.name, tuned.version)
    version["model"] = {**version.get("model", {}), **model}
    version["scaling"] = {**version.get("scaling", {}), **scaling}
    return config_yaml(content)
