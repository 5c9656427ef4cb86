from pathlib import Path

import pytest

from deployments.errors import StartupError
from serve_app.config_file import GRPC_OPTIONS, IMPORT_PATH, ConfigFile, read_config
from serve_app.settings import parse_settings

CONFIGS = sorted((Path(__file__).parents[2] / "config").glob("*.yaml"))
APPLICATION = {"name": "mine", "route_prefix": "/", "import_path": IMPORT_PATH, "args": {"profile": "production"}}


def refusal(path):
    with pytest.raises(StartupError) as raised:
        read_config(path)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_without_a_file_both_models_are_served_with_their_defaults():
    config = read_config(None)
    assert config.args == {}
    assert config.application == "scoring"


def test_a_file_holds_the_application_and_its_settings(write):
    config = read_config(write({"applications": [APPLICATION]}))
    assert config.application == "mine"
    assert config.args == {"profile": "production"}


@pytest.mark.parametrize("args", [{}, {"args": None}, {"args": {}}])
def test_settings_may_be_left_out(write, args):
    application = {key: value for key, value in APPLICATION.items() if key != "args"}
    assert read_config(write({"applications": [{**application, **args}]})).args == {}


def test_a_file_that_does_not_exist_is_named(tmp_path):
    assert refusal(tmp_path / "none.yaml") == f"The config file {tmp_path}/none.yaml does not exist."


def test_what_is_no_text_is_refused(tmp_path):
    assert "cannot be read as text" in refusal(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as text" in refusal(tmp_path / "binary.yaml")


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("applications:\n  - name: [unclosed\n", " at line 3, column 1"),
        ("a: 1\n b: 2\n", " at line 2, column 3"),
        ("\tapplications: []\n", " at line 1, column 1"),
        ("a: !!python/object:os.system x\n", " at line 1, column 4"),
        ("a: *unknown\n", " at line 1, column 4"),
        ("a: \x00\n", ""),
    ],
)
def test_broken_yaml_is_refused_with_line_and_column(write, content, where):
    path = write(content)
    assert refusal(path) == f"The config file {path} is not valid YAML{where}."


@pytest.mark.parametrize("content", ["a: 2026-13-45", "[" * 5000, "a: " + "1" * 5000, "a: !!int x"])
def test_values_that_yaml_cannot_hold_are_refused(write, content):
    assert "holds a value that cannot be read" in refusal(write(content))


@pytest.mark.parametrize("content", ["", "text", "- a\n- b\n", "3"])
def test_a_file_must_hold_keys_and_values(write, content):
    assert "must hold keys and values, starting with 'applications'" in refusal(write(content))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, "'applications' must list exactly one application"),
        ({"applications": []}, "'applications' must list exactly one application"),
        ({"applications": {"a": 1}}, "'applications' must list exactly one application"),
        ({"applications": ["x"]}, "'applications' must list exactly one application"),
        (
            {"applications": [APPLICATION, {**APPLICATION, "name": "b"}]},
            f"must list exactly one application, with import_path {IMPORT_PATH}",
        ),
        ({"applications": [{**APPLICATION, "import_path": "other:app"}]}, f"import_path must be {IMPORT_PATH}"),
        ({"applications": [{"name": "x"}]}, f"import_path must be {IMPORT_PATH}"),
        ({"applications": [{**APPLICATION, "route_prefix": "/api"}]}, "route_prefix must be /"),
        ({"applications": [{**APPLICATION, "route_prefix": None}]}, "route_prefix must be /"),
        ({"applications": [{**APPLICATION, "args": ["x"]}]}, "'args' must hold settings by key"),
        ({"applications": [{**APPLICATION, "name": None}]}, "name must be text"),
        ({"applications": [{**APPLICATION, "name": ""}]}, "name must be text"),
        ({"applications": [APPLICATION], "http_options": None}, "'http_options' must hold options by key"),
        ({"applications": [APPLICATION], "http_options": {"host": 127}}, "http_options.host must be"),
        ({"applications": [APPLICATION], "http_options": {"port": "8000"}}, "port must be a number from 1 to 65535"),
        ({"applications": [APPLICATION], "http_options": {"port": 0}}, "port must be a number from 1 to 65535"),
        ({"applications": [APPLICATION], "http_options": {"port": 65536}}, "port must be a number from 1 to 65535"),
        ({"applications": [APPLICATION], "http_options": {"port": True}}, "port must be a number from 1 to 65535"),
        ({"applications": [APPLICATION], "http_options": {"port": None}}, "port must be a number from 1 to 65535"),
        ({"applications": [APPLICATION], "grpc_options": 9000}, "'grpc_options' must hold options by key"),
        ({"applications": [APPLICATION], "grpc_options": {"port": 0}}, "grpc_options.port must be a number from 1"),
        (
            {"applications": [APPLICATION], "grpc_options": {"grpc_servicer_functions": ["other:add"]}},
            "grpc_options.grpc_servicer_functions must be ['deployments.ingress.oip.grpc.registration:add_service']",
        ),
    ],
)
def test_anything_but_this_application_is_refused(write, content, problem):
    message = refusal(write(content))
    assert message.startswith("mine.yaml: ")
    assert problem in message


# The address


@pytest.mark.parametrize(
    ("in_file", "flags", "expected"),
    [
        (None, (None, None), ("127.0.0.1", 8000)),
        ({}, (None, None), ("127.0.0.1", 8000)),
        ({"port": 9000}, (None, None), ("127.0.0.1", 9000)),
        ({"host": "0.0.0.0", "port": 9000}, (None, None), ("0.0.0.0", 9000)),
        ({"host": "0.0.0.0", "port": 9000}, (None, 7000), ("0.0.0.0", 7000)),
        ({"host": "0.0.0.0", "port": 9000}, ("::1", None), ("::1", 9000)),
        (None, ("::1", 7000), ("::1", 7000)),
    ],
)
def test_a_flag_goes_before_the_file_and_the_file_before_the_default(write, in_file, flags, expected):
    content = {"applications": [APPLICATION], **({} if in_file is None else {"http_options": in_file})}
    config = read_config(write(content)).listening_on(*flags)
    assert (config.host, config.port) == expected
    assert (config.content["http_options"]["host"], config.content["http_options"]["port"]) == expected


def test_other_options_of_the_file_are_kept(write):
    content = {
        "applications": [APPLICATION],
        "http_options": {"keep_alive_timeout_s": 3},
        "logging_config": {"log_level": "ERROR"},
    }
    config = read_config(write(content)).listening_on(None, 7000)
    assert config.content["http_options"] == {"host": "127.0.0.1", "port": 7000, "keep_alive_timeout_s": 3}
    assert config.content["logging_config"] == {"log_level": "ERROR"}
    assert config.args == {"profile": "production"}


def test_the_config_that_was_read_does_not_change():
    before = read_config(None)
    before.listening_on("::1", 1234)
    assert "http_options" not in before.content
    assert read_config(None) == before


# gRPC


@pytest.mark.parametrize(
    ("in_file", "flag", "port"),
    [
        (None, None, None),
        (None, 9100, 9100),
        ({}, None, 9000),
        ({"port": 9200}, None, 9200),
        ({"port": 9200}, 9100, 9100),
        (GRPC_OPTIONS, None, 9000),
    ],
)
def test_grpc_is_on_where_a_flag_or_the_file_says_so(write, in_file, flag, port):
    content = {"applications": [APPLICATION], **({} if in_file is None else {"grpc_options": in_file})}
    config = read_config(write(content)).listening_on(None, None).with_grpc(flag)
    assert config.grpc_port == port
    options = config.for_ray().grpc_options
    assert bool(options.grpc_servicer_functions) is (port is not None)
    if port is not None:
        assert (options.port, options.enable_reflection) == (port, False)


def test_other_options_of_grpc_are_kept(write):
    content = {"applications": [APPLICATION], "grpc_options": {"enable_reflection": True, "request_timeout_s": 5}}
    options = read_config(write(content)).with_grpc(9100).for_ray().grpc_options
    assert (options.enable_reflection, options.request_timeout_s) == (True, 5)


def test_ray_serve_can_import_what_registers_the_protocol():
    from ray.serve.config import gRPCOptions

    (function,) = gRPCOptions(**GRPC_OPTIONS).grpc_servicer_func_callable
    assert function.__module__ == "deployments.ingress.oip.grpc.registration"


# In Ray Serve's form


def test_ray_serve_takes_the_default_config():
    schema = read_config(None).listening_on(None, 7000).for_ray()
    assert schema.http_options.port == 7000
    assert schema.applications[0].import_path == IMPORT_PATH


def test_what_ray_serve_does_not_take_is_explained_by_key():
    content = {
        "applications": [{**APPLICATION, "deployments": [{"num_replicas": 1}]}],
        "logging_config": {"log_levl": "INFO"},
        "http_options": {"request_timeout_s": "long"},
    }
    with pytest.raises(StartupError) as raised:
        ConfigFile(content, "mine", {}).for_ray()
    lines = str(raised.value).splitlines()
    assert lines[0] == "The config file is not valid:"
    assert "  http_options.request_timeout_s: must be a valid number, not 'long'" in lines
    assert "  applications.0.deployments.0.name: Field required" in lines
    assert any(line.startswith("  logging_config.log_levl: unknown key; did you mean log_level?") for line in lines)


# The configs of this repository


def test_there_are_configs():
    assert {"local.yaml", "mobilenet.yaml"} <= {path.name for path in CONFIGS}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_committed_config_can_be_served(path):
    config = read_config(path).listening_on(None, None)
    config.for_ray()
    parse_settings(config.args, {"SCORING_IMAGE_WEIGHTS": "weights.pth"})


def test_the_mobilenet_config_takes_the_weights_that_a_variable_names():
    args = read_config(CONFIGS[0].parent / "mobilenet.yaml").args
    model = parse_settings(args, {"SCORING_IMAGE_WEIGHTS": "/w.pth"}).models[0].versions[0].model
    assert (model.architecture, model.weights_uri) == ("mobilenet_v2", "/w.pth")
    with pytest.raises(StartupError, match="the environment variable SCORING_IMAGE_WEIGHTS is not set"):
        parse_settings(args, {})
