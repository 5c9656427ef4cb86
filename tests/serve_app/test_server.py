import pytest
import ray
from ray.exceptions import ActorDiedError

from deployments.errors import StartupError
from serve_app.config_file import read_config
from serve_app.server import Server


def test_a_controller_that_dies_while_it_starts_is_one_sentence(monkeypatch):
    def died(**_options):
        raise ActorDiedError

    monkeypatch.setattr(ray, "init", lambda **_options: None)
    monkeypatch.setattr(ray, "nodes", lambda: [{"MetricsExportPort": 1}])
    monkeypatch.setattr("ray.serve._private.api.serve_start", died)
    said = []
    server = Server(read_config(None).listening_on(None, None), said.append)
    monkeypatch.setattr(server, "_handle_signals", lambda: None)
    with pytest.raises(StartupError, match="controller did not start"):
        server._start()
    assert said == ["Starting Ray", "Starting Ray Serve"]
