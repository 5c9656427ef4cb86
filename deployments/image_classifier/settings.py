"""What a user may set about the image classifier."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class ExplanationSettings(BaseModel):
    """Explanations of where the network looked: what one may cost, and how many there may be beside other requests."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    enabled: bool = Field(default=True, description="Whether requests may ask for explanations.")
    grid: int = Field(
        default=7,
        ge=2,
        le=28,
        description="Cells along each side of the heat map by occlusion, which takes grid x grid inferences.",
    )
    at_once: int = Field(default=1, ge=1, description="Explanations that one replica works on at once.")
    max_waiting: int = Field(
        default=8,
        ge=0,
        description="Explanations that may wait for each replica of the ingress; one more is refused with 503.",
    )
    timeout_seconds: float = Field(
        default=30, gt=0, description="How long a replica works on one explanation; it then ends with 408."
    )

    def most_under_way(self, max_replicas: int) -> int:
        """Return how many explanations each replica of the ingress may have under way.

        Args:
            max_replicas: of the classifier.
        """
        return self.at_once * max_replicas + self.max_waiting if self.enabled else 0


class ImageClassifierSettings(BaseModel):
    """Which network classifies images, with which weights, on which device."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str = Field(
        default="resnet152", description="A classification model of torchvision.models by name, as in mobilenet_v2."
    )
    weights: str = Field(
        default="IMAGENET1K_V2",
        description="Name in the architecture's weights; gives preprocessing, download and classes. DEFAULT: the best.",
    )
    weights_uri: str | None = Field(
        default=None,
        description="State dict that takes the place of the download: a path, or a file, http(s), s3 or abfs URI.",
    )
    weights_sha256: str | None = Field(
        default=None, pattern="^[0-9a-fA-F]{64}$", description="SHA-256 that the weights file must have, in hex."
    )
    labels_uri: str | None = Field(
        default=None,
        description="The model's own labels in place of ImageNet's: path or URI of a text file, one class a line.",
    )
    download: bool = Field(default=True, description="Whether torchvision's weights may be downloaded.")
    seed: int = Field(default=0, ge=0, description="Makes untrained weights the same at each start.")
    model_dir: str | None = Field(
        default=None,
        description="Directory of `scoring image convert`; takes the place of architecture, weights and labels_uri.",
    )
    engine: Literal["auto", "torch", "openvino", "onnxruntime"] = Field(
        default="auto", description="What runs the network; auto: the fastest that is installed, by device and CPU."
    )
    precision: Literal["auto", "fp32", "bf16", "fp16", "int8"] = Field(
        default="auto",
        description="Of the arithmetic; auto: bf16 where the device has it, else fp32. int8 needs model_dir.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where the network runs; auto takes the GPU where there is one."
    )
    gpus: Annotated[float, Field(ge=0)] | Literal["auto"] = Field(
        default="auto", description="GPUs that Ray reserves for each replica; auto: one where Ray has any."
    )
    threads: int | None = Field(
        default=None, ge=1, description="Threads that compute in one replica; none: the CPUs that it reserves, or all."
    )
    streams: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto",
        description="Batches at the same time in one replica, which share its threads; auto: 1. More: OpenVINO only.",
    )
    max_batch: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default="auto",
        description="Images that go through the network at once; auto: as many as measurably gain at the start.",
    )
    explanations: ExplanationSettings = Field(
        default=ExplanationSettings(), description="Where the network looked, for requests with `explain`."
    )
