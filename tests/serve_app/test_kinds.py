import pytest

from deployments import gpus
from deployments.contracts import CALLS_PER_REPLICA, ImagePreset
from deployments.image_classifier.conversion.model_files import FILES, About, seal
from deployments.kinds import DEFAULT_CALLERS, find_kind
from serve_app.settings import DRAIN_MARGIN_SECONDS, parse_settings


def local_model(**version):
    return {"models": [{"kind": "image_classifier", "versions": [version]}]}


def image_model(**version):
    """A model whose stages have replicas of their own."""
    return local_model(**{"scaling": {}, "preprocess_scaling": {}, **version})


def local_stage(settings):
    """The first stage of the only version, which lives in the gateway's process."""
    service = parse_settings(settings, {})
    ((model, version),) = service.versions
    return find_kind(model.kind).local(f"{model.name}-{version.name}", version, service.surroundings)


def most_gateway_replicas(built):
    config = built["ingress"]._deployment_config.autoscaling_config
    return config.max_replicas if config else built["ingress"].num_replicas


BOTH = {"models": [{"kind": "faq_matcher"}, {"kind": "image_classifier"}]}
IMAGE = {"image-1", "image-1-preprocess"}


@pytest.mark.parametrize(
    ("args", "gpu", "expected"),
    [
        # The classifier takes all cores, so that one replica of the gateway has it.
        (BOTH, False, (set(), 1)),
        (BOTH, True, (IMAGE, 2)),
        ({"models": [{"kind": "faq_matcher"}]}, False, (set(), 2)),
        ({"ingress": {"scaling": {"max_replicas": 3}}, **BOTH}, False, (IMAGE, 3)),
        ({"ingress": {"scaling": {"max_replicas": 1}}, **BOTH}, False, (set(), 1)),
        (local_model(scaling={"max_replicas": 2}), False, (IMAGE, 2)),
        (local_model(preprocess_scaling={"max_replicas": 2}), False, (IMAGE, 2)),
        (image_model(), False, (IMAGE, 2)),
    ],
)
def test_the_gateway_has_what_has_no_replicas_of_its_own(deployments, monkeypatch, args, gpu, expected):
    monkeypatch.setattr(gpus, "gpus_of_ray", lambda: float(gpu))
    built = deployments(args)
    assert (built.keys() - {"ingress"}, most_gateway_replicas(built)) == expected


def test_the_gateway_decodes_images_before_it_classifies_them():
    stage = local_stage(local_model())
    assert [stage.name, stage.arguments[1].name] == ["image-1-preprocess", "image-1"]


def test_images_that_the_gateway_decodes_do_not_wait_for_each_other(deployments):
    own = deployments(image_model())["image-1-preprocess"].init_args[3]
    assert (local_stage(local_model()).arguments[3].together, own.together) == (False, True)


@pytest.mark.parametrize(("profile", "allowed"), [("local", True), ("production", False)])
def test_untrained_weights_are_allowed_on_a_laptop_only(deployments, profile, allowed):
    assert deployments({"profile": profile, **image_model()})["image-1"].init_kwargs == {"allow_untrained": allowed}
    local = local_stage({"profile": profile, **local_model(model={"device": "cpu"})})
    assert local.arguments[1].keywords == {"allow_untrained": allowed}


def test_what_ray_shows_of_a_deployment_holds_no_password_of_redis(deployments, monkeypatch):
    monkeypatch.setenv("REDIS_PASSWORD", "hidden")
    quotas = {"storage": "redis", "redis_url": "redis://:${REDIS_PASSWORD}@host"}
    ingress = deployments({"ingress": {"quotas": quotas}})["ingress"]
    assert "hidden" not in repr(ingress.user_config) + repr(ingress.init_args)
    assert ingress.init_args[0].quotas.redis_url.get_secret_value() == "redis://:hidden@host"


@pytest.mark.parametrize(("profile", "required"), [("local", False), ("production", True)])
def test_keys_are_not_required_on_a_laptop_only(deployments, profile, required):
    assert deployments({"profile": profile})["ingress"].init_args[0].access.required is required


@pytest.mark.parametrize(
    ("model", "in_reach", "reserved"),
    [
        ({}, True, 1),
        ({}, False, 0),
        ({"device": "cpu"}, True, 0),
        ({"gpus": 0.25}, False, 0.25),
        ({"gpus": 0}, True, 0),
        ({"gpus": 2, "device": "cpu"}, True, 2),
        ({"engine": "openvino"}, True, 0),
        ({"engine": "openvino", "gpus": 1}, True, 1),
        ({"engine": "onnxruntime"}, True, 1),
        ({"model_dir": "/not/on/this/node"}, True, 1),
    ],
)
def test_a_gpu_is_reserved_where_there_is_one_or_the_settings_say_so(
    deployments, monkeypatch, model, in_reach, reserved
):
    monkeypatch.setattr(gpus, "gpus_of_ray", lambda: float(in_reach))
    built = deployments(image_model(model=model))
    assert built["image-1"].ray_actor_options["num_gpus"] == reserved
    assert built["image-1-preprocess"].ray_actor_options["num_gpus"] == 0


@pytest.mark.parametrize(("kind", "reserved"), [("openvino", 0), ("onnx", 1)])
def test_a_converted_model_reserves_a_gpu_where_its_engine_can_use_one(
    deployments, monkeypatch, tmp_path, kind, reserved
):
    preset = ImagePreset(232, 224, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    about = About(kind=kind, precision="fp32", weights="trained", preset=preset, labels=("cat",), facts={}, versions={})
    for name in FILES[kind]:
        (tmp_path / name).write_text("a network")
    seal(tmp_path, about)
    monkeypatch.setattr(gpus, "gpus_of_ray", lambda: 1.0)
    built = deployments(image_model(model={"model_dir": str(tmp_path)}))
    assert built["image-1"].ray_actor_options["num_gpus"] == reserved


@pytest.mark.parametrize(("resources", "expected"), [({"CPU": 4.0, "GPU": 1.0}, 1), ({"CPU": 4.0}, 0)])
def test_where_ray_runs_it_knows_of_gpus(monkeypatch, resources, expected):
    monkeypatch.setattr("ray.is_initialized", lambda: True)
    monkeypatch.setattr("ray.cluster_resources", lambda: resources)
    assert gpus.gpus_of_ray() == expected


def test_replicas_reserve_what_their_scaling_says(deployments):
    built = deployments(
        {
            "ingress": {"scaling": {"cpus": 1}},
            **image_model(scaling={"cpus": 2, "memory_mb": 10}, preprocess_scaling={"cpus": 0.5}),
        }
    )
    assert built["ingress"].ray_actor_options["num_cpus"] == 1
    assert built["image-1"].ray_actor_options["num_cpus"] == 2
    assert built["image-1"].ray_actor_options["memory"] == 10 * 1024 * 1024
    assert built["image-1-preprocess"].ray_actor_options["num_cpus"] == 0.5


def test_a_replica_has_time_for_the_longest_request_before_it_goes(deployments):
    for deployment in deployments({"ingress": {"request_timeout_seconds": 7}}).values():
        assert deployment._deployment_config.graceful_shutdown_timeout_s == 7 + DRAIN_MARGIN_SECONDS


def test_a_stage_takes_the_calls_of_all_its_callers(deployments):
    many, model = {"min_replicas": 20, "max_replicas": 20}, {"explanations": {"enabled": False}}
    version = {"model": model, "preprocess_scaling": {"max_replicas": 5}}
    built = deployments({"ingress": {"scaling": many}, **image_model(**version)})
    for name, expected in {"image-1-preprocess": 20, "image-1": 5}.items():
        assert built[name].max_ongoing_requests > CALLS_PER_REPLICA * expected
    fewer = deployments({"ingress": {"scaling": {**many, "max_replicas": 20}}, **image_model(model=model)})
    assert fewer["image-1"].max_ongoing_requests == built["image-1"].max_ongoing_requests - 3 * CALLS_PER_REPLICA


def test_explanations_take_no_place_of_other_calls(deployments):
    def built(**model):
        return deployments(image_model(model=model, scaling={"max_replicas": 4}))

    explained = built(explanations={"at_once": 2, "max_waiting": 5})
    without = built(explanations={"enabled": False})
    most = 2 * 4 + 5
    assert explained["image-1-preprocess"].init_args[3].explanations == most
    for name in IMAGE:
        assert explained[name].max_ongoing_requests == without[name].max_ongoing_requests + DEFAULT_CALLERS * most
    assert without["image-1-preprocess"].init_args[3].explanations == 0


def test_replicas_follow_the_scaling_of_their_stage(deployments):
    built = deployments(
        image_model(
            scaling={"min_replicas": 2, "max_replicas": 4, "target_utilization": 0.5, "max_concurrent_requests": 6}
        )
    )
    config = built["image-1"]._deployment_config.autoscaling_config
    assert (config.min_replicas, config.max_replicas, config.get_target_ongoing_requests()) == (2, 4, 3)
