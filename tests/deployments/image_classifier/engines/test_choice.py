import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.errors import StartupError
from deployments.image_classifier.engines.choice import ON_CPU, Converted, choose
from deployments.image_classifier.engines.engine import RUNS
from deployments.image_classifier.engines.machine import Machine

EVERYTHING = {"torch": "2.9", "torchvision": "0.24", "openvino": "2026.4", "onnxruntime": "1.31", "keras": "3.15"}
BF16 = frozenset({"avx2", "avx512f", "avx512_bf16"})


def machine(flags=frozenset(), packages=EVERYTHING, **gpu):
    return Machine(cpu_flags=frozenset(flags), packages=dict(packages), **gpu)


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        (machine(BF16), ("openvino", "bf16", "cpu")),
        (machine({"amx_bf16"}), ("openvino", "bf16", "cpu")),
        (machine({"avx2"}), ("openvino", "fp32", "cpu")),
        (machine(BF16, {"torch": "2.9"}), ("torch", "bf16", "cpu")),
        (machine({"avx2"}, {"torch": "2.9"}), ("torch", "fp32", "cpu")),
        (machine(BF16, {"onnxruntime": "1.31"}), ("onnxruntime", "fp32", "cpu")),
        (machine(BF16, has_gpu=True, gpu_has_bf16=True), ("torch", "bf16", "cuda")),
        (machine(BF16, has_gpu=True), ("torch", "fp16", "cuda")),
        (machine(BF16, {"onnxruntime": "1.31"}, has_gpu=True), ("onnxruntime", "fp32", "cuda")),
    ],
)
def test_auto_takes_the_fastest_that_is_there(here, expected):
    choice = choose(here)
    assert (choice.engine, choice.precision, choice.device) == expected


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        (machine(BF16), ("openvino", "bf16", "cpu")),
        (machine({"avx2"}, {"keras": "3.15"}), ("keras", "fp32", "cpu")),
        (machine(BF16, {"keras": "3.15", "torch": "2.9", "onnxruntime": "1.31"}), ("keras", "fp32", "cpu")),
        (machine(BF16, has_gpu=True), ("keras", "fp32", "cuda")),
        (machine(BF16, {"openvino": "2026.4"}), ("openvino", "bf16", "cpu")),
    ],
)
def test_auto_takes_what_runs_a_network_of_keras(here, expected):
    choice = choose(here, library="keras")
    assert (choice.engine, choice.precision, choice.device) == expected


@pytest.mark.parametrize(
    ("library", "engine", "message"),
    [
        (
            "keras",
            "torch",
            "engine is torch, and a network of Keras runs with openvino or keras; set engine to auto or",
        ),
        ("keras", "onnxruntime", "a network of Keras runs with openvino or keras"),
        ("torch", "keras", "engine is keras, and a network of PyTorch runs with openvino or torch or onnxruntime"),
    ],
)
def test_an_engine_that_cannot_run_the_network_is_refused(library, engine, message):
    with pytest.raises(StartupError, match=message):
        choose(machine(BF16), engine=engine, library=library)


def test_the_reason_is_a_sentence_that_names_what_it_is_about():
    why = choose(machine(BF16)).why
    assert why == "OpenVINO, since it is the fastest of the installed engines on a CPU; bf16, since the CPU has it."
    assert "fp32, since the CPU has no instructions for bf16." in choose(machine({"avx2"})).why
    assert "PyTorch, since the settings say so" in choose(machine(BF16), engine="torch").why


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"device": "cuda"}, "device is cuda, and this replica has no GPU"),
        ({"precision": "fp16"}, "precision is fp16, and OpenVINO on this CPU computes in bf16 or fp32; set precision"),
        ({"precision": "bf16", "engine": "onnxruntime"}, "ONNX Runtime on this CPU computes in fp32"),
        ({"precision": "int8"}, "scoring image convert --precision int8"),
        ({"precision": "bf16", "converted": Converted("openvino", "int8")}, "quantized to int8"),
        ({"engine": "torch", "converted": Converted("openvino", "fp32")}, "set engine to auto or openvino"),
        ({"engine": "openvino", "converted": Converted("onnx", "fp32")}, "set engine to auto or onnxruntime"),
    ],
)
def test_what_does_not_go_together_is_refused(asked, message):
    with pytest.raises(StartupError, match=message):
        choose(machine(BF16), **asked)


def test_openvino_and_a_gpu_do_not_go_together():
    here = machine(BF16, has_gpu=True)
    with pytest.raises(StartupError, match="OpenVINO runs on the CPU only"):
        choose(here, engine="openvino", device="cuda")
    assert choose(here, engine="openvino").device == "cpu"
    assert choose(here, converted=Converted("openvino", "fp32")).device == "cpu"


def test_what_is_missing_is_said_with_what_installs_it():
    with pytest.raises(StartupError, match=r"OpenVINO is not installed: .*ray-scoring\[openvino\]"):
        choose(machine(BF16, {"torch": "2.9"}), engine="openvino")
    with pytest.raises(StartupError, match="No engine is installed"):
        choose(machine(BF16, {}))
    with pytest.raises(StartupError, match=r"ray-scoring\[keras,openvino\]"):
        choose(machine(BF16, {"torch": "2.9"}), library="keras")
    with pytest.raises(StartupError, match="ONNX Runtime is not installed"):
        choose(machine(BF16, {"torch": "2.9"}), converted=Converted("onnx", "int8"))


@given(
    flags=st.frozensets(st.sampled_from(["avx2", "avx512_bf16", "amx_bf16", "avx512_fp16"])),
    packages=st.frozensets(st.sampled_from(sorted(EVERYTHING))),
    gpu=st.booleans(),
    bf16=st.booleans(),
    asked=st.fixed_dictionaries(
        {
            "engine": st.sampled_from(["auto", "torch", "openvino", "onnxruntime", "keras"]),
            "library": st.sampled_from(["torch", "keras"]),
            "precision": st.sampled_from(["auto", "fp32", "bf16", "fp16", "int8"]),
            "device": st.sampled_from(["auto", "cpu", "cuda"]),
            "converted": st.none()
            | st.builds(Converted, st.sampled_from(["openvino", "onnx"]), st.sampled_from(["fp32", "int8"])),
        }
    ),
)
def test_a_choice_is_what_was_asked_for_and_is_there(flags, packages, gpu, bf16, asked):
    here = machine(flags, {name: EVERYTHING[name] for name in packages}, has_gpu=gpu, gpu_has_bf16=bf16)
    try:
        choice = choose(here, **asked)
    except StartupError:
        return
    assert choice.engine in packages
    assert asked["engine"] in {"auto", choice.engine}
    assert asked["precision"] in {"auto", choice.precision}
    assert asked["device"] in {"auto", choice.device}
    assert gpu or choice.device == "cpu"
    if asked["converted"] is None:
        assert choice.engine in ON_CPU[asked["library"]]
    else:
        assert choice.engine == RUNS[asked["converted"].kind]
        assert (choice.precision == "int8") == (asked["converted"].precision == "int8")
