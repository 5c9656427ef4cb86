"""Changes of a real file, with a service that the test plays."""

import pytest
import yaml

from deployments.errors import StartupError
from serve_app.config_file import read_config
from serve_app.models.changing import ModelChanges, Target

TEXT = """\
# What this service is for.
applications:
  - name: scoring  # the gateway
    route_prefix: /
    import_path: serve_app.app:build
    args: {profile: local}
    deployments:
      - name: ingress
        user_config:
          models:
            - kind: faq_matcher
              name: faq
              versions:
                - name: "1"  # the first
"""


class Service(Target):
    """Takes over what the file says, or does what the test has prepared."""

    def __init__(self, path):
        self.path = path
        self.seen = []
        self.failed = {}
        self.refusal = None

    def environment(self):
        return {}

    def apply(self, text, note):
        assert self.path.read_bytes() == text
        if self.refusal:
            raise StartupError(self.refusal)
        self.seen.append((note, [each["name"] for each in yaml.safe_load(text)["applications"]]))
        return self.failed


@pytest.fixture
def service(tmp_path):
    path = tmp_path / "serve.yaml"
    path.write_text(TEXT)
    return Service(path)


def versions(service):
    return [version.name for _, version in read_config(service.path).settings({}).versions]


def test_a_version_is_added_and_the_comments_stay(service):
    ModelChanges(service).add("faq", "2", None, {"scaling": {"max_replicas": 2}})
    assert service.seen == [("faq/2 added", ["scoring", "faq-2"])]
    text = service.path.read_text()
    assert text.startswith(TEXT)
    assert "    route_prefix: null\n" in text
    assert versions(service) == ["1", "2"]


def test_a_version_becomes_the_default_when_it_answers(service):
    ModelChanges(service).add("faq", "2", None, {}, default=True)
    assert [note for note, _ in service.seen] == ["faq/2 added", "2 is the default of faq"]
    assert read_config(service.path).settings({}).models[0].default_version == "2"


def test_a_version_that_cannot_start_is_taken_away_again(service):
    service.failed = {"faq/2": "faq/2 could not be started: Name a file."}
    with pytest.raises(StartupError, match=r"^faq/2 could not be started: Name a file\. It was removed again\.$"):
        ModelChanges(service).add("faq", "2", None, {}, default=True)
    assert service.path.read_text() == TEXT
    # No request goes to it before it ends.
    assert [note for note, _ in service.seen] == ["faq/2 added", "faq/2 left out", "faq/2 removed"]
    assert service.seen[1][1] == ["scoring", "faq-2"]


def test_what_the_service_does_not_take_over_is_not_in_the_file_either(service):
    service.refusal = "There is no room."
    with pytest.raises(StartupError, match="There is no room"):
        ModelChanges(service).add("faq", "2", None, {})
    assert service.path.read_text() == TEXT


def test_settings_that_are_not_valid_change_nothing(service):
    with pytest.raises(StartupError, match=r"faq-2\.scaling\.max_replica: unknown key"):
        ModelChanges(service).add("faq", "2", None, {"scaling": {"max_replica": 2}})
    assert service.path.read_text() == TEXT
    assert service.seen == []


def test_what_cannot_answer_does_not_become_the_default(service, monkeypatch):
    changes = ModelChanges(service)
    changes.add("faq", "2", None, {})
    before = service.path.read_text()
    monkeypatch.setattr(service, "failures", lambda: {"faq/2": "faq/2 could not be started: No file."})
    with pytest.raises(StartupError, match=r"^faq/2 could not be started: No file\. The default stays as it is\.$"):
        changes.make_default("faq", "2")
    assert service.path.read_text() == before


def test_a_version_is_left_out_before_it_ends(service):
    changes = ModelChanges(service)
    changes.add("faq", "2", None, {})
    changes.remove("faq", "2")
    assert service.seen[1:] == [("faq/2 left out", ["scoring", "faq-2"]), ("faq/2 removed", ["scoring"])]
    assert service.path.read_text() == TEXT


def test_a_version_of_the_gateway_goes_at_once(service):
    changes = ModelChanges(service)
    changes.add("faq", "2", None, {}, in_gateway=True)
    changes.make_default("faq", "2")
    changes.remove("faq", "1")
    assert versions(service) == ["2"]
    assert [note for note, _ in service.seen][-1] == "faq/1 left out"


def test_a_file_that_somebody_else_changed_is_not_overwritten(service, monkeypatch):
    def meddle(text, note):
        service.path.write_text(f"# mine\n{TEXT}")
        return {"faq/2": "faq/2 could not be started."}

    monkeypatch.setattr(service, "apply", meddle)
    with pytest.raises(StartupError, match="was changed by somebody else meanwhile"):
        ModelChanges(service).add("faq", "2", None, {})
    assert service.path.read_text() == f"# mine\n{TEXT}"


@pytest.mark.parametrize(("content", "problem"), [(None, "does not exist"), ("a: [", "is not valid YAML")])
def test_a_file_that_cannot_be_read_is_named(service, content, problem):
    service.path.unlink()
    if content is not None:
        service.path.write_text(content)
    with pytest.raises(StartupError, match=problem):
        ModelChanges(service).make_default("faq", "2")
