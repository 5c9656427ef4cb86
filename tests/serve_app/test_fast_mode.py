import logging
import socket

import pytest

from deployments.ingress.oip.grpc import ONLY_LOOPBACK
from serve_app import fast_mode
from serve_app.fast_mode import FAST_MODE, is_fast, isolation, warn_if_slow


@pytest.fixture
def slow(monkeypatch):
    for name in FAST_MODE:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def logged(caplog):
    """What Ray Serve's logger is told, which may not pass it on."""
    logger = logging.getLogger("ray.serve")
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def test_the_fast_mode_is_haproxy_throughput_and_large_messages():
    variables = fast_mode.fast_mode()
    assert variables["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
    assert variables["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"
    assert int(variables["RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH"]) > 1024**3
    assert FAST_MODE.items() <= variables.items()


def test_variables_are_text():
    assert all(isinstance(value, str) for value in fast_mode.fast_mode().values())


def test_where_ray_brings_no_haproxy_there_is_no_fast_mode(monkeypatch):
    monkeypatch.setattr(fast_mode, "find_spec", lambda _: None)
    assert fast_mode.fast_mode() == {}


def test_the_middleware_that_it_names_can_be_imported():
    module, _, function = FAST_MODE["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"].partition(":")
    assert getattr(__import__(module, fromlist=[function]), function)()


def test_ray_knows_every_variable():
    from pathlib import Path

    import ray.serve

    source = "".join(path.read_text() for path in Path(ray.serve.__file__).parent.glob("_private/*.py"))
    of_ray = fast_mode.grpc_variables("0.0.0.0", 1)
    for name in {**FAST_MODE, **fast_mode.LOCAL_DRAINING, **of_ray, **isolation(Path("/x"), [])}:
        assert f'"{name}"' in source, name


@pytest.mark.parametrize(
    ("body", "message"),
    [(1, 256 * 1024**2), (100 * 1024**2, 256 * 1024**2), (1024**3 // 2, 1024**3), (1024**3, 2**31 - 1)],
)
def test_messages_are_bounded_well_above_the_limit_of_bodies(body, message):
    assert fast_mode.grpc_variables("0.0.0.0", body) == {"RAY_SERVE_GRPC_MAX_MESSAGE_SIZE": str(message)}


@pytest.mark.parametrize(
    ("host", "only_loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.org", False)],
)
def test_what_listens_on_the_loopback_address_answers_nobody_else(host, only_loopback):
    assert (ONLY_LOOPBACK in fast_mode.grpc_variables(host, 1)) is only_loopback


def test_services_on_one_machine_have_files_and_ports_of_their_own(tmp_path):
    variables = isolation(tmp_path, [8000, None])
    files = {value for name, value in variables.items() if not name.endswith("_PORT")}
    assert all(file.startswith(str(tmp_path)) for file in files)
    ports = [int(value) for name, value in variables.items() if name.endswith("_PORT")]
    assert len(set(ports)) == len(ports) == len(variables) - len(files) == 4
    for port in ports:
        with socket.socket() as probe:
            probe.bind(("", port))


def test_side_ports_are_not_the_services_own(tmp_path, monkeypatch):
    monkeypatch.setattr(fast_mode, "SIDE_PORTS", range(20_000, 20_006))
    monkeypatch.setattr(fast_mode, "_is_free", lambda _: True)
    variables = isolation(tmp_path, [20_001, 20_004])
    ports = {int(value) for name, value in variables.items() if name.endswith("_PORT")}
    assert ports == {20_000, 20_002, 20_003, 20_005}


def test_side_ports_are_none_that_outgoing_connections_get_and_none_in_use():
    assert max(fast_mode.SIDE_PORTS) < 32768
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not fast_mode._is_free(port)
    assert fast_mode._is_free(port)


def test_sockets_of_haproxy_have_names_that_fit(tmp_path):
    # Longest path of a Unix socket, less what HAProxy appends; the directory is what `scoring serve` makes.
    names = [value for name, value in isolation(tmp_path, []).items() if "SOCKET" in name]
    assert names
    assert all(len(f"/tmp/scoring-12345678/{name.rpartition('/')[2]}") < 90 for name in names)  # noqa: S108


def test_the_mode_is_told_from_all_variables(fast, monkeypatch):
    assert is_fast()
    monkeypatch.setenv("RAY_SERVE_ENABLE_HA_PROXY", "0")
    assert not is_fast()
    monkeypatch.delenv("RAY_SERVE_ENABLE_HA_PROXY")
    assert not is_fast()


def test_a_slow_service_says_so_once_and_names_every_variable(slow, logged):
    warn_if_slow()
    (record,) = logged.records
    assert record.levelname == "WARNING"
    assert "Use `scoring serve`" in record.getMessage()
    for name, value in FAST_MODE.items():
        assert f"{name}={value}" in record.getMessage()


def test_a_fast_service_is_silent(fast, logged):
    warn_if_slow()
    assert not logged.records


def test_building_the_application_warns_once(slow, logged):
    from serve_app.app import build

    build({})
    assert [record.levelname for record in logged.records] == ["WARNING"]
