"""What was deployed answers as the same application does without a cluster, and no pod may do more than it should."""

import pytest

from cluster.kubernetes.kinds import Kind
from serve_app.client import Keys, ScoringClient
from serve_app.faq.asking import ask
from serve_app.image.classifying import classify

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]


@pytest.fixture
def client(service):
    with ScoringClient(service.url, credentials=Keys(*service.get_keys())) as client:
        yield client


def test_questions_are_matched(client):
    result = client.call(ask("Another program uses port 8000"))
    assert result.best.probability > 0.5
    assert result.origin.model == "faq"


def test_real_weights_see_the_lynx(client, find_shared):
    """mobilenet_v2 of torchvision, converted: the label and about the probability of the network as it is."""
    best = client.call(classify(find_shared("images/lynx.jpg"))).best
    assert "lynx" in best.label
    assert best.probability > 0.9


def test_pods_may_write_nothing_but_their_volumes_and_are_not_root(service, api):
    namespace = service.settings.namespace
    enforced = api.get(Kind("v1", "Namespace"), namespace)["metadata"]["labels"]
    assert enforced["pod-security.kubernetes.io/enforce"] == "restricted"
    found = api.find(Kind.POD, namespace)
    assert len(found) >= 4
    for pod in found:
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"], container["name"]
        first = pod["spec"]["containers"][0]["name"]
        told = api.run(pod["metadata"]["name"], namespace, first, ["id", "-u"])
        assert told.strip() == "10001"
        refused = api.run(pod["metadata"]["name"], namespace, first, ["sh", "-c", "touch /x 2>&1; touch /etc/x 2>&1"])
        assert refused.count("Read-only file system") == 2
