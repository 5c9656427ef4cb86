"""Two kinds of models that the product knows nothing of: a distribution of its own, as anybody may write one."""

from pydantic import BaseModel, ConfigDict

from deployments.contracts import Tensor
from deployments.signature import Example, Parameter, Signature
from deployments.tensor_model.kind import TensorKind


class WordSettings(BaseModel):
    """What a version of the word counter may set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str = "en"


WORDS = TensorKind(
    "word_counter",
    model="sample_models:WordCounter",
    default_model="words",
    settings=WordSettings,
    signature=Signature(
        inputs=(Tensor("text", "BYTES", (-1,), "text/plain", "Any text."),),
        outputs=(Tensor("counts", "BYTES", (-1,), "application/json", "How often each word occurs."),),
        parameters=(
            Parameter("least", "int", 1, minimum=1, maximum=100, description="Letters of the words that count."),
        ),
        example=Example({"text": ["to be or not to be"]}, {"counts": [{"to": 2, "be": 2, "not": 1}]}, {"least": 2}),
        noun="texts",
        max_rows=50,
    ),
)

SUMS = TensorKind(
    "weighted_sum",
    model="sample_models:WeightedSum",
    default_model="sums",
    signature=Signature(
        inputs=(Tensor("values", "FP32", (-1, 3)), Tensor("weights", "FP32", (-1, 3))),
        outputs=(Tensor("sums", "FP32", (-1,)), Tensor("largest", "INT64", (-1,))),
        example=Example(
            {"values": [[1.0, 2.0, 3.0]], "weights": [[0.5, 0.25, 0.25]]}, {"sums": [1.75], "largest": [0]}
        ),
    ),
)
