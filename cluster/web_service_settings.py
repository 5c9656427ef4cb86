"""What the Python interface of a web service is told beside the cluster."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cluster.model import ClusterModel

Texts = dict[Annotated[str, Field(min_length=1, max_length=256)], Annotated[str, Field(max_length=1024)]]


class WebServiceSettings(ClusterModel):
    """As Azure Machine Learning has them: keys by name, tags, and which model `run` asks."""

    model: str | None = Field(
        default=None, description="Model of scoring_uri, swagger_uri, run and get_token. Unset: the first one."
    )
    client: str = Field(
        default="web-service",
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$",
        description="Client whose two keys get_keys and regen_key mean; made when the service is first deployed.",
    )
    keep_keys: bool = Field(
        default=False,
        description="Whether its keys are kept in plain text, in a Secret that no pod sees, so that get_keys can "
        "return them. Otherwise they are shown once, when they are made.",
    )
    tags: Texts = Field(default={}, description="Tags of the service.")
    properties: Texts = Field(default={}, description="Properties of the service, which stay once they are set.")
    description: str = Field(default="", max_length=4096, description="What it is for.")
