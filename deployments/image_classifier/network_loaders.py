"""Where the networks of each library are loaded; a source names its library, and imports nothing of it."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING

from deployments.errors import StartupError
from deployments.image_classifier.engines.engine import Library

if TYPE_CHECKING:
    from deployments.image_classifier.origins import Network, Source

# The class of a library's networks: `load` of it makes one from a source. Its module imports the library.
LOADERS: dict[Library, str] = {
    "torch": "deployments.image_classifier.torchvision_networks.network:TorchNetwork",
    "keras": "deployments.image_classifier.keras_networks.network:KerasClassification",
}


def load_network(source: Source) -> Network:
    """Build the network of a source and put its weights in.

    Raises:
        StartupError: the files do not hold what they should, or the library is not installed.
    """
    try:
        loader = resolve_name(LOADERS[source.library])
    except ImportError as error:
        raise StartupError(
            f"{error.name} is not installed, which networks of torchvision need: install it with "
            "`pip install 'ray-scoring[torch]'`, or name a converted model with model_dir."
        ) from None
    network: Network = loader.load(source)
    return network
