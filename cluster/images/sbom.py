"""An image's bill of materials in CycloneDX: what is installed in it, as it says itself."""

from __future__ import annotations

import json
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from cluster.images.engine import Engine
from cluster.printable import one_line
from deployments.errors import StartupError

INVENTORY = Path(__file__).with_name("inventory.py")
SYSTEM = "debian"


def bill_of_materials(image: str, engine: Engine) -> str:
    """Return CycloneDX 1.6 as JSON.

    Raises:
        StartupError: the engine does not have the image, or it has no Python that tells.
    """
    if not engine.has(image):
        raise StartupError(f"The Docker engine does not have {image}; build or pull it.")
    return written(image, engine.run(image, ["python3", "-c", INVENTORY.read_text(encoding="utf-8")]))


def written(image: str, inventory: str) -> str:
    """Return the bill of an image from its inventory, which is JSON as `inventory.py` prints it.

    Raises:
        StartupError: it is something else.
    """
    try:
        told = json.loads(inventory)
        parts = [_of_python(*part) for part in told["python"]] + [_of_debian(*part) for part in told["debian"]]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise StartupError(
            f"{image} does not tell what is in it: its python3 printed {one_line(inventory, 100)!r}."
        ) from None
    whole = _image(image)
    bom = Bom(components=parts, metadata=BomMetaData(component=whole))
    bom.register_dependency(whole, parts)
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2) + "\n"


def _image(image: str) -> Component:
    name, _, tag = image.rpartition(":")
    return Component(type=ComponentType.CONTAINER, name=name, version=tag, bom_ref=image)


def _of_python(name: str, version: str, licence: str) -> Component:
    purl = PackageURL("pypi", name=name.lower().replace("_", "-"), version=version)
    licences = [LicenseFactory().make_from_string(licence)] if licence else []
    return Component(name=name, version=version, purl=purl, bom_ref=str(purl), licenses=licences)


def _of_debian(name: str, version: str, architecture: str) -> Component:
    purl = PackageURL("deb", SYSTEM, name, version, {"arch": architecture})
    return Component(name=name, version=version, purl=purl, bom_ref=str(purl))
