"""What `pulumi up` runs in this directory."""

from __future__ import annotations

import pulumi

from cluster.azure.infrastructure import build
from cluster.azure.settings import from_config
from deployments.errors import StartupError

try:
    outputs = build(from_config(pulumi.Config().get_object("settings")))
except StartupError as error:
    # Pulumi shows such an error's text alone.
    raise pulumi.RunError(str(error)) from None
for name, value in outputs.items():
    pulumi.export(name, value)
