"""A service on a real cluster, for all tests here; KUBECONFIG names the cluster.

What else the tests take from the environment:
    SCORING_CLUSTER_LOAD       command that gives a `docker save` archive to the nodes, as `kind load image-archive`:
                               the image is built by Docker, and loaded
    SCORING_CLUSTER_NETWORK    network of that build, as in `docker build --network`
    SCORING_CLUSTER_IMAGE      in its place, an image (`repository:tag`) that the nodes have or can pull
    SCORING_CLUSTER_OTHER_TAG  and the tag of another one of the same repository, to upgrade to
    SCORING_CLUSTER_MODELS     directory on the nodes with mobilenet_v2/, as `scoring image convert` writes it, and
                               changed/, the same with a byte of model.bin changed
    SCORING_REDIS_IMAGE        image with redis-server; redis:7.4 without it
    SCORING_TRAFFIC_SECONDS    how long load lasts at the least for each event; 30 without it
    SCORING_CLUSTER_REPORT     file that gets a line of JSON for each load
    SCORING_RESTART_OPERATOR   command that starts KubeRay's operator anew, where that is no Deployment of the cluster
"""

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
import yaml
from real_cluster import NO_CLUSTER, need_cluster, until
from steady_load import HEAD, outcomes, steady_load

from cluster.images.build import image_name
from cluster.images.delivery import deliver
from cluster.images.engine import find_engine
from cluster.kubernetes.api import Api, connect
from cluster.kubernetes.errors import KubernetesError
from cluster.kubernetes.kinds import Kind
from cluster.manifests.objects import objects
from cluster.settings import ClusterSettings, ImageSettings
from cluster.web_service import WebService
from serve_app.client import Keys, ScoringClient
from serve_app.layout import lay_out

NO_IMAGE = (
    "SCORING_CLUSTER_LOAD names no command that gives an image to the cluster's nodes, and SCORING_CLUSTER_IMAGE no "
    "image (repository:tag) that they can run."
)
NO_MODELS = "SCORING_CLUSTER_MODELS names no directory on the cluster's nodes with a converted mobilenet_v2."
NO_ROUTE = "This machine does not reach {}: run the tests on a node, or give the Service a load balancer."
NAMESPACE = Kind("v1", "Namespace")
VOLUME = Kind("v1", "PersistentVolume")
VOLUME_CLAIM = Kind("v1", "PersistentVolumeClaim")
SCORING = Path(sys.executable).with_name("scoring")
READY_SECONDS = 600
CLAIM = "models"
# Of a stage with two replicas, of which one may be lost.
TWO = {"min_replicas": 2, "max_replicas": 2, "cpus": 0.1}


# What is shown at the end.
facts: list[str] = []


def pytest_terminal_summary(terminalreporter):
    """Show what became of the requests, as a table for docs/benchmarks.md."""
    for fact in facts:
        terminalreporter.write_line(fact)
    if outcomes:
        terminalreporter.write_sep("=", "requests at a constant rate")
        terminalreporter.write_line(HEAD)
        for outcome in outcomes:
            terminalreporter.write_line(outcome.row())
        sent, failed = sum(each.sent for each in outcomes), sum(each.failed for each in outcomes)
        terminalreporter.write_line(f"{sent:,} requests in all, {failed} failed.")


@pytest.fixture(scope="session")
def api() -> Api:
    need_cluster()
    try:
        cluster = connect()
        cluster.find(NAMESPACE)
    except KubernetesError as error:
        pytest.skip(f"{error} {NO_CLUSTER}")
    return cluster


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("settings")


@pytest.fixture(scope="session")
def service_namespace():
    return f"scoring-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
def settings(folder, service_namespace):
    """Make settings of a service with both models, two of all."""
    image = os.environ.get("SCORING_CLUSTER_IMAGE")
    if not image and os.environ.get("SCORING_CLUSTER_LOAD"):
        image = image_name(ImageSettings(), "cpu")
    models = os.environ.get("SCORING_CLUSTER_MODELS")
    if not image:
        pytest.skip(NO_IMAGE)
    if not models:
        pytest.skip(NO_MODELS)
    repository, _, given_tag = image.rpartition(":")

    def make(
        *, groups=(2, 3), tag=given_tag, faq=None, faq_model=None, image_model=None, stage=TWO, ingress=None
    ) -> ClusterSettings:
        question = {"name": "1", "model": faq_model or {}, "scaling": faq or stage}
        photo = {"name": "1", "model": image_model or {"model_dir": "/models/mobilenet_v2"}}
        photo |= {"scaling": stage, "preprocess_scaling": stage}
        args = {
            "ingress": {"scaling": stage, **(ingress or {})},
            "models": [
                {"kind": "faq_matcher", "name": "faq", "versions": [question]},
                {"kind": "image_classifier", "name": "image", "versions": [photo]},
            ],
        }
        application = lay_out(args)
        path = folder / f"{uuid.uuid4().hex}.yaml"
        path.write_text(yaml.safe_dump(application))
        # Nodes that images are loaded into have no registry to ask for one that is not there.
        pull_policy = "Never" if os.environ.get("SCORING_CLUSTER_LOAD") else "IfNotPresent"
        resources = {"cpu": "200m", "cpu_limit": "2", "memory": "4Gi"}
        redis = {"bundled": {"image": os.environ.get("SCORING_REDIS_IMAGE", "redis:7.4")}}
        return ClusterSettings.model_validate(
            {
                "name": "web",
                "namespace": service_namespace,
                "environment": "production",
                "allow_single": True,
                "application": path,
                "image": {"repository": repository, "tag": tag, "pull_policy": pull_policy},
                "head": {"cpu": "200m", "cpu_limit": "2", "memory": "3Gi"},
                "autoscaler": {"cpu": "50m", "memory": "512Mi"},
                "workers": [
                    {
                        "name": "cpu",
                        "min_replicas": groups[0],
                        "max_replicas": groups[1],
                        "resources": resources,
                    }
                ],
                "pods": {
                    # What gathers replicas on few pods should not be waited for.
                    "variables": {"RAY_SERVE_NODE_COMPACTION_DELAY_S": "30"},
                    "volumes": [{"name": "models", "path": "/models", "claim": CLAIM}],
                },
                "redis": redis,
                "upgrade": {"keep_old_seconds": 20},
                "web_service": {"keep_keys": True, "tags": {"team": "faq"}},
            }
        )

    return make


@pytest.fixture(scope="session")
def models_volume(api, settings, service_namespace):
    """The directory with converted networks, as a volume that pods may read."""
    name = f"models-{service_namespace}"
    [made] = [each for each in objects(settings()) if each["kind"] == "Namespace"]
    common = {"accessModes": ["ReadOnlyMany"], "storageClassName": ""}
    volume = {"hostPath": {"path": os.environ["SCORING_CLUSTER_MODELS"]}, "capacity": {"storage": "1Gi"}, **common}
    volume["claimRef"] = {"namespace": service_namespace, "name": CLAIM}
    claim = {"volumeName": name, "resources": {"requests": {"storage": "1Gi"}}, **common}
    api.apply(made)
    api.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": volume})
    metadata = {"name": CLAIM, "namespace": service_namespace}
    api.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim})

    def is_bound():
        return api.get(VOLUME_CLAIM, CLAIM, service_namespace)["status"].get("phase") == "Bound"

    until(is_bound, 60, "the volume is bound")
    yield
    api.delete(NAMESPACE, service_namespace)
    api.delete(VOLUME, name)


@pytest.fixture(scope="session")
def service(api, settings, models_volume, service_namespace, folder):
    """A web service that one command has brought from the source to ready, with two pods of workers."""
    first = settings()
    file = folder / "cluster.yaml"
    file.write_text(yaml.safe_dump(first.model_dump(mode="json", exclude_defaults=True)))
    deployed = WebService(first, api=api)
    begun = time.monotonic()
    try:
        command = [str(SCORING), "cluster", "deploy", str(file), "--timeout", str(READY_SECONDS), *building()]
        subprocess.run(command, check=True)
        facts.append(f"From the source to Ready, by one command: {time.monotonic() - begun:.0f} s")
        with ScoringClient(deployed.url) as client:
            if not client.is_ready():
                pytest.skip(NO_ROUTE.format(deployed.url))
        yield deployed
    finally:
        deployed.delete(keys=True)
        left = [each["metadata"]["name"] for each in api.find(Kind.SECRET, service_namespace)]
        clusters = api.find(Kind.RAY_CLUSTER, service_namespace)
    assert (left, clusters) == ([], [])


def building():
    """Options of `deploy` for an image that is to be built."""
    if not (load := os.environ.get("SCORING_CLUSTER_LOAD")):
        return []
    network = os.environ.get("SCORING_CLUSTER_NETWORK")
    return ["--build", "--load", load, *(["--build-network", network] if network else [])]


@pytest.fixture(scope="session")
def other_tag(service, folder):
    """The tag of another image: one with a layer more, or the one that the environment names."""
    tag = os.environ.get("SCORING_CLUSTER_OTHER_TAG")
    if tag:
        return tag
    if not (load := os.environ.get("SCORING_CLUSTER_LOAD")):
        pytest.skip("SCORING_CLUSTER_OTHER_TAG names no tag of another image of the same repository.")
    image = service.settings.image
    (folder / "Dockerfile").write_text(f"FROM {image.repository}:{image.tag}\nENV SCORING_TEST_UPGRADE=1\n")
    other = ImageSettings(repository=image.repository, tag=f"{image.tag}-other")
    engine = find_engine()
    engine.build(["--tag", image_name(other, "cpu")], folder)
    deliver(ClusterSettings(application=folder, image=other), print, load=load, engine=engine)
    return other.tag


@pytest.fixture
def restored(service, settings):
    """The service, which is as it was at first again after the test."""
    yield service
    service.settings = settings()
    service.apply("as at first")
    service.wait_for_deployment(timeout_seconds=READY_SECONDS)


@pytest.fixture
def load(service):
    """Load the service with requests at a constant rate while a block runs; gives what became of them."""

    def begin(event):
        primary, secondary = service.get_keys()
        return steady_load(event, service.url, Keys(primary, secondary))

    return begin
