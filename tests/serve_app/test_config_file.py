from pathlib import Path

import pytest

from deployments import gpus
from deployments.errors import StartupError
from serve_app.applications import GATEWAY_PATH, VERSION_PATH
from serve_app.config_file import GRPC_OPTIONS, ConfigFile, config_of, read_config
from serve_app.layout import lay_out

CONFIGS = sorted((Path(__file__).parents[2] / "config").glob("*.yaml"))
APPLICATION = {"name": "mine", "route_prefix": "/", "import_path": GATEWAY_PATH, "args": {"profile": "production"}}
VERSION = {
    "name": "faq-1",
    "route_prefix": None,
    "import_path": VERSION_PATH,
    "args": {"kind": "faq_matcher", "name": "faq-1"},
}


def refusal(path):
    with pytest.raises(StartupError) as raised:
        read_config(path)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(("of_cluster", "own"), [(0.0, []), (1.0, ["image-1"])])
def test_without_a_file_both_models_are_served_and_what_can_use_a_gpu_has_replicas_of_its_own(
    monkeypatch, of_cluster, own
):
    monkeypatch.setattr(gpus, "gpus_of_ray", lambda: of_cluster)
    config = read_config(None)
    assert config.application == "scoring"
    assert config.version_applications == own
    assert [model.name for model in config.settings({}).models] == ["faq", "image"]


def test_a_file_holds_the_applications_and_their_settings(write):
    config = read_config(write({"applications": [APPLICATION, VERSION]}))
    assert config.application == "mine"
    assert config.version_applications == ["faq-1"]
    assert config.settings({}).profile == "production"


@pytest.mark.parametrize("args", [{}, {"args": None}, {"args": {}}])
def test_settings_may_be_left_out(write, args):
    application = {key: value for key, value in APPLICATION.items() if key != "args"}
    config = read_config(write({"applications": [{**application, **args}]}))
    assert config.given() == {}
    assert config.settings({}).profile == "local"


def service(table, *versions, **args):
    """A config with this table of models."""
    deployments = [{"name": "ingress", "user_config": table}]
    gateway = {**APPLICATION, "args": args, "deployments": deployments}
    return config_of({"applications": [gateway, *versions]}, "mine.yaml")


def version(name, **args):
    return {**VERSION, "name": name, "args": {"kind": "faq_matcher", "name": name, **args}}


def faq(*versions, **model):
    return {"models": [{"kind": "faq_matcher", "name": "faq", "versions": [*versions], **model}]}


def test_the_settings_of_a_version_stand_in_its_application():
    table = faq({"name": "1", "model": {"default_top_k": 3}}, {"name": "2", "application": "faq-2"})
    config = service(table, version("faq-2", model={"default_top_k": 7}, scaling={"cpus": 1}))
    first, second = config.settings({}).models[0].versions
    assert (first.application, first.model.default_top_k) == (None, 3)
    assert (second.application, second.model.default_top_k, second.scaling.cpus) == ("faq-2", 7, 1)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (
            service(faq({"name": "1", "application": "faq-9"}), version("faq-1")),
            "models.0.versions.0.application: there is no application 'faq-9' of a version; there are faq-1",
        ),
        (
            service(faq({"name": "1", "application": "faq-9"})),
            "models.0.versions.0.application: there is no application 'faq-9' of a version; there is none",
        ),
        (
            service(
                {"models": [{"kind": "image_classifier", "versions": [{"name": "1", "application": "faq-1"}]}]},
                version("faq-1"),
            ),
            "models.0.versions.0.application: the application faq-1 is of the kind 'faq_matcher'",
        ),
        (
            service(faq({"name": "1", "application": "faq-1", "scaling": {}}), version("faq-1")),
            "models.0.versions.0: scaling belongs to the args of the application faq-1",
        ),
        (
            service(faq({"name": "1", "application": "faq-1"}), version("faq-1", modle={})),
            "faq-1.modle: unknown key; did you mean model?",
        ),
        (
            service(faq({"name": "1"}), version("faq-1", modle={})),
            "faq-1.modle: unknown key; did you mean model?",
        ),
        (
            service(faq({"name": "1"}), {**version("faq-1"), "name": "other"}),
            "other.name: must be the application's own name, 'other', not 'faq-1'",
        ),
        (
            service(
                faq({"name": "1", "application": "faq-1"}),
                version("faq-1", callers=2),
                ingress={"scaling": {"max_replicas": 3}},
            ),
            "faq-1.callers: must be at least 3, the gateway's max_replicas, not 2",
        ),
        (
            service(
                faq({"name": "1", "application": "faq-1"}),
                version("faq-1"),
                ingress={"request_timeout_seconds": 90},
            ),
            "faq-1.request_timeout_seconds: must be at least 90, as the gateway's",
        ),
        (
            service(faq({"name": "1", "scaling": {}})),
            "models: faq/1: scaling needs an application; here it has the gateway's",
        ),
        (
            service({"models": [{"kind": "image_classifier", "versions": [{"model": {"gpus": 1}}]}]}),
            "models: image/1: a GPU needs an application, since the gateway reserves none",
        ),
        (
            service(faq({"name": "1"}), models=[]),
            "models: belongs to the user_config of the deployment ingress",
        ),
    ],
)
def test_applications_and_the_table_that_do_not_fit_together_are_told(config, problem):
    with pytest.raises(StartupError) as raised:
        config.settings({})
    assert f"  {problem}" in str(raised.value)


def test_what_takes_all_cores_is_in_the_gateway_once_unless_the_config_says_more():
    image = {"models": [{"kind": "image_classifier"}]}
    for config, most in ((service(image), 1), (service(image, ingress={"scaling": {"max_replicas": 4}}), 4)):
        with_room = config.with_room_for_models(config.settings({}))
        assert with_room.settings({}).ingress.scaling.max_replicas == most
    faq_only = service(faq({"name": "1"}))
    assert faq_only.with_room_for_models(faq_only.settings({})) == faq_only


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
        ({}, "'applications' must list applications, one of them with"),
        ({"applications": []}, "'applications' must list exactly one application with"),
        ({"applications": {"a": 1}}, "'applications' must list applications"),
        ({"applications": ["x"]}, "'applications' must list applications"),
        ({"applications": [APPLICATION, {**APPLICATION, "name": "b"}]}, "must list exactly one application with"),
        ({"applications": [{**APPLICATION, "import_path": "other:app"}]}, f"with import_path {GATEWAY_PATH}"),
        ({"applications": [{"name": "x"}]}, f"with import_path {GATEWAY_PATH}"),
        (
            {"applications": [APPLICATION, {"name": "x", "import_path": "other:app"}]},
            f"the import_path of x must be {GATEWAY_PATH} or {VERSION_PATH}",
        ),
        ({"applications": [APPLICATION, VERSION, VERSION]}, "two applications have the name faq-1"),
        ({"applications": [APPLICATION, {**VERSION, "route_prefix": "/x"}]}, "route_prefix of faq-1 must be null"),
        ({"applications": [{**APPLICATION, "deployments": ["x"]}]}, "'deployments' must list deployments"),
        (
            {"applications": [{**APPLICATION, "deployments": [{"name": "ingress", "user_config": [1]}]}]},
            "'user_config' must hold settings by key",
        ),
        ({"applications": [{**APPLICATION, "route_prefix": "/api"}]}, "route_prefix of mine must be /"),
        ({"applications": [{**APPLICATION, "route_prefix": None}]}, "route_prefix of mine must be /"),
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
def test_anything_but_one_service_is_refused(write, content, problem):
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
    assert config.given() == {"profile": "production"}


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
    assert schema.applications[0].import_path == GATEWAY_PATH


def test_what_ray_serve_does_not_take_is_explained_by_key():
    content = {
        "applications": [{**APPLICATION, "deployments": [{"num_replicas": 1}]}],
        "logging_config": {"log_levl": "INFO"},
        "http_options": {"request_timeout_s": "long"},
    }
    with pytest.raises(StartupError) as raised:
        ConfigFile(content, "mine").for_ray()
    lines = str(raised.value).splitlines()
    assert lines[0] == "The config file is not valid:"
    assert "  http_options.request_timeout_s: must be a valid number, not 'long'" in lines
    assert "  applications.0.deployments.0.name: Field required" in lines
    assert any(line.startswith("  logging_config.log_levl: unknown key; did you mean log_level?") for line in lines)


# The configs of this repository


def test_there_are_configs():
    assert {"local.yaml", "mobilenet.yaml", "own-replicas.yaml"} <= {path.name for path in CONFIGS}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_committed_config_can_be_served(path):
    config = read_config(path).listening_on(None, None)
    config.for_ray()
    config.settings({"SCORING_IMAGE_WEIGHTS": "weights.pth"})


def test_the_mobilenet_config_takes_the_weights_that_a_variable_names():
    config = read_config(CONFIGS[0].parent / "mobilenet.yaml")
    model = config.settings({"SCORING_IMAGE_WEIGHTS": "/w.pth"}).models[0].versions[0].model
    assert (model.architecture, model.weights_uri) == ("mobilenet_v2", "/w.pth")
    with pytest.raises(StartupError, match="the environment variable SCORING_IMAGE_WEIGHTS is not set"):
        config.settings({})


def test_the_default_config_is_the_one_for_this_machine(monkeypatch):
    monkeypatch.setattr(gpus, "gpus_of_ray", lambda: 0.0)
    local = read_config(CONFIGS[0].parent / "local.yaml").settings({})
    made = config_of(lay_out({}), "made")
    assert made.with_room_for_models(made.settings({})).settings({}) == local
