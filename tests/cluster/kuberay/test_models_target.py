"""Changes of models in a cluster that the test plays."""

from types import SimpleNamespace

import pytest
import yaml
from typer.testing import CliRunner

from cluster.commands import app
from cluster.kuberay.causes import Cause, CauseKind
from cluster.kuberay.models_target import ClusterTarget
from cluster.kuberay.states import State
from cluster.kuberay.waiting import NotReady
from cluster.settings import read_settings
from deployments.errors import StartupError
from serve_app.config_file import read_config
from serve_app.layout import lay_out
from serve_app.models.changing import ModelChanges


class Service:
    """A web service that takes over what is applied, unless it has causes not to."""

    def __init__(self, settings):
        self.settings = settings
        self.notes = []
        self.causes = []
        self.ray_services = SimpleNamespace(read=lambda: None)

    def apply(self, note):
        self.notes.append(note)

    def wait_for_deployment(self, *, timeout_seconds, report):
        if self.causes:
            causes, self.causes = self.causes, []
            raise NotReady("It cannot become ready.", causes, State.FAILED)


@pytest.fixture
def settings(tmp_path):
    models = [{"kind": "faq_matcher", "versions": [{"model": {"model_dir": "${MODELS}/1"}, "scaling": {}}]}]
    (tmp_path / "serve.yaml").write_text(yaml.safe_dump(lay_out({"models": models})))
    path = tmp_path / "cluster.yaml"
    path.write_text("name: web\nnamespace: ns\napplication: serve.yaml\npods: {variables: {MODELS: /models}}\n")
    return path


@pytest.fixture
def service(settings):
    return Service(read_settings(settings))


@pytest.fixture
def changes(service):
    return ModelChanges(ClusterTarget(service, lambda _: None, 10))


def versions(service):
    return [version.name for _, version in read_config(service.settings.application).settings({"MODELS": "x"}).versions]


def test_a_change_is_applied_and_waited_for(service, changes):
    changes.add("faq", "2", None, {"model": {"model_dir": "${MODELS}/2"}}, default=True)
    assert service.notes == ["faq/2 added", "2 is the default of faq"]
    changes.remove("faq", "1")
    assert service.notes[2:] == ["faq/1 left out", "faq/1 removed"]
    assert versions(service) == ["2"]


def test_an_application_that_cannot_start_is_removed_again(service, changes):
    service.causes = [Cause(CauseKind.APPLICATION, "application faq-2", "it does not start: Name a file.")]
    with pytest.raises(StartupError, match=r"^it does not start: Name a file\. It was removed again\.$"):
        changes.add("faq", "2", None, {})
    assert service.notes == ["faq/2 added", "faq/2 left out", "faq/2 removed"]
    assert versions(service) == ["1"]


def test_what_has_another_cause_is_told_and_the_config_of_before_applied_again(service, changes):
    service.causes = [Cause(CauseKind.INVALID, "RayService web", "KubeRay refuses it")]
    with pytest.raises(NotReady):
        changes.make_default("faq", "1")
    assert service.notes == ["1 is the default of faq", "not 1 is the default of faq"]
    assert "default" not in service.settings.application.read_text()


def test_a_variable_that_pods_do_not_have_is_told_before(service, changes):
    with pytest.raises(StartupError, match="the environment variable OTHER is not set"):
        changes.add("faq", "2", None, {"model": {"model_dir": "${OTHER}"}})
    assert service.notes == []


def test_the_models_are_listed_as_the_config_has_them(settings):
    result = CliRunner().invoke(app, ["models", "list", str(settings)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.stdout.splitlines()][1] == ["faq", "1", "yes", "faq_matcher", "faq-1"]
