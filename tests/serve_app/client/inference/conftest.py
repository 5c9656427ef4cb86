import pytest

from serve_app.client.results import ModelDescription, Tensor


@pytest.fixture
def describe():
    """What a model says of itself, with inputs as `(name, datatype, shape[, content type])`."""

    def describe(*inputs, outputs=(("y", "FP32", (-1,)),), example=None, parameters=None, optional=()):
        return ModelDescription(
            "m",
            ("1",),
            "python",
            "trained",
            tuple(Tensor(*each) for each in inputs),
            tuple(Tensor(*each) for each in outputs),
            {},
            request_parameters=parameters or {},
            optional_outputs=tuple(optional),
            example={"request": {"inputs": [{"name": name} for name in example]}} if example else {},
        )

    return describe
