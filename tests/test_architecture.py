"""Arrows between the rooms point one way; docs/architecture.md draws them."""

import ast
import subprocess
import sys
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
ROOMS = ("deployments", "serve_app", "loadtest", "cluster")
STAGES = sorted(path.parent.name for path in (REPOSITORY / "deployments").glob("*/deployment.py"))

# Whom each room may import, itself aside.
ARROWS = {
    "deployments": set(),
    "serve_app": {"deployments"},
    "loadtest": set(),
    "cluster": {"serve_app", "deployments"},
}

# Measures the stages without a service, in processes of its own.
MAY_IMPORT_STAGES = "loadtest.in_process."

# Runs the whole application, with another object in one of its stages; and writes config files as the product does.
MAY_IMPORT_THE_APPLICATION = ("loadtest.in_process.same_object", "loadtest.configs")

# What stages share may know Ray; where it does, only their deployment.py may import it.
SHARED_WITH_RAY = {
    "deployments.applications",
    "deployments.autoscaling",
    "deployments.binding",
    "deployments.least_busy_router",
    "deployments.remote_stage",
    "deployments.replica",
    "deployments.telemetry.ray_exporter",
}

# Loaded where Ray runs already, or by the builder.
SERVE_APP_WITH_RAY = {"serve_app.app", "serve_app.version"}

# Puts the stages of a kind together, which may be of several folders; what it binds with Ray it imports late.
COMPOSES_STAGES = ".kind"

MODEL_LIBRARIES = {
    "torch", "torchvision", "sklearn", "scipy", "PIL", "numpy", "numba", "openvino", "onnxruntime", "tokenizers",
    "safetensors", "keras", "tensorflow",
}  # fmt: skip
MATCHING = {"sklearn", "scipy", "numba", "openvino", "tokenizers", "safetensors"}


@dataclass(frozen=True)
class Import:
    """One import statement: who imports what, and whether as soon as the module is loaded."""

    module: str
    imported: str
    early: bool

    @property
    def room(self):
        return self.imported.split(".")[0]

    @property
    def stage(self):
        parts = self.imported.split(".")
        return parts[1] if parts[0] == "deployments" and len(parts) > 1 and parts[1] in STAGES else None


def modules(room):
    for path in sorted((REPOSITORY / room).rglob("*.py")):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(room):
    return [found for module, path in modules(room) for found in imports_of(module, path)]


def imports_of(module, path):
    return [
        Import(module, name, early)
        for statement, early in _statements(ast.parse(path.read_text(encoding="utf-8")), early=True)
        for name in _names(statement, path)
    ]


def _statements(node, *, early):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, early
        elif not _is_for_types(child):
            late = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _statements(child, early=early and not late)


def _is_for_types(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _names(statement, path):
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    assert statement.level == 0, f"{path} has a relative import, which these tests do not follow."
    return [f"{statement.module}.{alias.name}" for alias in statement.names]


def offending(found, is_wrong):
    return sorted({f"{each.module} imports {each.imported}" for each in found if is_wrong(each)})


def test_there_is_something_to_look_at():
    assert {"faq_matcher", "image_classifier", "ingress", "preprocess"} <= set(STAGES)
    assert Import("serve_app.app", "deployments.scaling.resources", early=True) in imports("serve_app")
    assert Import("serve_app.cli", "serve_app.serve_command.run", early=False) in imports("serve_app")


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_between_rooms_point_one_way(room):
    found = [
        each
        for each in imports(room)
        if each.room in {*ROOMS, "tests"} - {room} - ARROWS[room]
        and not (each.module.startswith(MAY_IMPORT_STAGES) and each.room == "deployments")
        and not (each.module.startswith(MAY_IMPORT_THE_APPLICATION) and each.room == "serve_app")
        and not (each.module == "loadtest.configs" and each.imported.startswith("deployments.errors."))
    ]
    assert offending(found, lambda _: True) == []


def test_benchmarks_import_what_imports_stages_when_they_need_it():
    found = [each for each in imports("loadtest") if each.imported.startswith(MAY_IMPORT_STAGES)]
    assert offending(found, lambda each: each.early and not each.module.startswith(MAY_IMPORT_STAGES)) == []


def test_a_stage_never_imports_another_stage():
    def is_wrong(each):
        own = each.module.partition(".")[2].partition(".")[0]
        return each.stage is not None and each.stage != own and not each.module.endswith(COMPOSES_STAGES)

    assert offending(imports("deployments"), is_wrong) == []


def test_what_stages_share_imports_no_stage():
    shared = [each for each in imports("deployments") if each.module.split(".")[1:2] not in [[s] for s in STAGES]]
    assert offending(shared, lambda each: each.stage is not None) == []


def test_no_import_leads_back_to_where_it_started():
    """Imports within functions count too: they hide a circle, and break it nowhere."""
    known = {module: path for room in ROOMS for module, path in modules(room)}
    graph = {module: _imported_modules(module, path, known) for module, path in known.items()}
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        pytest.fail(f"These modules import each other: {' -> '.join(error.args[1])}")


def _imported_modules(module, path, known):
    names = [each.imported for each in imports_of(module, path)]
    found = {name if name in known else name.rpartition(".")[0] for name in names}
    return found & known.keys() - {module}


def test_what_asks_any_model_knows_no_kind():
    """The client, `scoring score` and the load generator find what kinds add by entry points."""
    generic = ("serve_app.client", "serve_app.score", "loadtest.generator")
    kinds = ("serve_app.faq", "serve_app.image", "loadtest.faq", "loadtest.image")
    found = [each for each in [*imports("serve_app"), *imports("loadtest")] if each.module.startswith(generic)]
    assert found
    assert offending(found, lambda each: each.imported.startswith(kinds)) == []


def test_contracts_and_errors_stand_on_nothing():
    found = [each for each in imports("deployments") if each.module in {"deployments.contracts", "deployments.errors"}]
    assert offending(found, lambda each: each.room == "ray") == []
    assert {each.imported for each in found if each.room == "deployments"} == {"deployments.errors.ScoringError"}


def test_in_a_stage_only_the_deployment_knows_ray():
    def is_wrong(each):
        in_stage = each.module.partition(".")[2].partition(".")[0] in STAGES and not each.module.endswith(".deployment")
        if each.module.endswith(COMPOSES_STAGES) and not each.early:
            return False
        return in_stage and (each.room == "ray" or each.imported.rpartition(".")[0] in SHARED_WITH_RAY)

    assert offending(imports("deployments"), is_wrong) == []


def test_what_stages_share_knows_ray_where_that_is_its_purpose():
    shared = [
        each for each in imports("deployments") if each.module.split(".")[1:2] not in [[stage] for stage in STAGES]
    ]
    assert {each.module for each in shared if each.room == "ray"} == SHARED_WITH_RAY


def test_only_the_builder_knows_a_deployment_and_it_is_imported_late():
    found = imports("serve_app")
    knows = {each.module for each in found if each.stage and each.imported.split(".")[2] == "deployment"}
    assert knows == {"serve_app.app"}
    builders = [each for each in found if each.imported.startswith(tuple(f"{name}." for name in SERVE_APP_WITH_RAY))]
    assert offending(builders, lambda each: each.early and each.module not in SERVE_APP_WITH_RAY) == []


def test_commands_import_ray_when_they_run():
    def is_wrong(each):
        return each.room == "ray" and each.early and each.module not in SERVE_APP_WITH_RAY

    assert offending(imports("serve_app"), is_wrong) == []


def test_a_node_that_builds_the_application_needs_no_model_library():
    def is_wrong(each):
        is_built = each.module.endswith((".deployment", ".settings")) or each.module.startswith("serve_app.")
        return is_built and each.early and each.room in MODEL_LIBRARIES

    assert offending([*imports("deployments"), *imports("serve_app")], is_wrong) == []


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("serve_app.app", {"torch", "torchvision", "PIL"} | MATCHING),
        ("deployments.faq_matcher.settings", MODEL_LIBRARIES | {"ray"}),
        ("deployments.faq_matcher.recipe", MODEL_LIBRARIES | {"ray"}),
        ("deployments.faq_matcher.data", MODEL_LIBRARIES - {"numpy"} | {"ray"}),
        # Only sentence embeddings, Parquet and the tuning need more than a model of words does.
        (
            "deployments.faq_matcher.source",
            MODEL_LIBRARIES - {"numpy", "scipy", "numba"} | {"ray", "pyarrow", "optuna"},
        ),
        ("deployments.preprocess.preparation", {"torch", "torchvision", "ray"} | MATCHING),
        ("deployments.ingress.app", MODEL_LIBRARIES | {"ray", "opentelemetry"}),
        ("deployments.ingress.observing", MODEL_LIBRARIES | {"ray", "opentelemetry"}),
        ("serve_app.client", MODEL_LIBRARIES | {"ray"}),
        ("serve_app.score.commands", MODEL_LIBRARIES | {"ray"}),
        ("serve_app.faq.asking", MODEL_LIBRARIES | {"ray", "deployments"}),
        ("serve_app.image.classifying", MODEL_LIBRARIES | {"ray", "deployments"}),
    ],
)
def test_what_a_module_loads_in_the_end(module, never):
    program = f"import sys, {module}; print(sorted({never} & sys.modules.keys()))"
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=True)
    assert result.stdout == "[]\n"
